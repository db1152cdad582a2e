"""Every page on a phone, and on a screen that is enlarged to twice its size."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from clustertrace.exchange.bundle import load_bundle
from clustertrace.store import queries
from clustertrace.store.store import Store
from tests.pages.conftest import facts_with, run
from tests.pages.test_accessible import PATIENCE_MS, addresses, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIDEWAYS = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  return main.scrollWidth - main.clientWidth;
}"""

OVERLAPS = """() => {
  const found = [];
  for (const row of document.querySelectorAll('.ct-row, .ct-way, .ct-rule, .ct-rows tr')) {
    const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    const boxes = [];
    for (let node; (node = walker.nextNode());) {
      if (!node.data.trim() || getComputedStyle(node.parentElement).opacity === '0') continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) boxes.push([box, node]);
    }
    for (const [a, one] of boxes)
      for (const [b, other] of boxes) {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (one !== other && wide > 2 && high > 5) found.push(`${one.data} / ${other.data}`);
      }
  }
  return found;
}"""

SPLIT = """() => {
  const found = [];
  for (const cell of document.querySelectorAll('.ct-rows td, .ct-row > div')) {
    const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());)
      for (const match of node.data.matchAll(/\\S+/g)) {
        if (match[0].length > 20) continue;
        const range = document.createRange();
        range.setStart(node, match.index);
        range.setEnd(node, match.index + match[0].length);
        const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
        if (tops.size > 1 && !/[-\\u2013/]/.test(match[0])) found.push(match[0]);
      }
  }
  return found;
}"""

CUT_CHOICES = """() => [...document.querySelectorAll('[role="radiogroup"]')]
  .filter((group) => group.scrollWidth > group.clientWidth + 1)
  .map((group) => group.getAttribute('aria-label'))"""


@pytest.mark.parametrize("width", [390, 720], ids=["phone", "zoomed"])
def test_every_page_fits_a_narrow_screen(
    width: int, browser: Browser, tmp_path: Path, dashboard: Callable[[Path], str]
) -> None:
    """Nothing runs out of the page or lies on something else; no short word or choice is cut."""
    path = tmp_path / "demo.db"
    with Store.open(path) as store:
        load_bundle(store, time.time_ns())
        source = "results/" + "tool_orchestra_" * 8 + "one_trial.json"
        store.write(run(1, "search", facts=facts_with(tags={"source": source})))
        store.refresh()
        pages = addresses(store) | {"long tag": f"/trace?id={1:032x}"}
    url = dashboard(path)
    context = browser.new_context(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    faults: list[str] = []
    for name, address in pages.items():
        opened(page, url + address)
        if (beyond := page.evaluate(SIDEWAYS)) > 0:
            faults.append(f"{name}: {beyond} pixels beyond the screen")
        faults += [f"{name}: overlap {pair}" for pair in page.evaluate(OVERLAPS)]
        faults += [f"{name}: split {word}" for word in page.evaluate(SPLIT)]
        faults += [f"{name}: choices cut off in {group}" for group in page.evaluate(CUT_CHOICES)]
    context.close()
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("width", [390, 1280], ids=["phone", "desk"])
def test_names_without_a_space_stay_in_their_column(
    width: int, browser: Browser, tmp_path: Path, dashboard: Callable[[Path], str]
) -> None:
    """Frameworks make names of hundreds of characters; they break, and cover nothing."""
    path = tmp_path / "long.db"
    name = "planner_of_the_whole_pipeline_" * 10
    with Store.open(path) as store:
        for number in (1, 2):
            store.write(run(number, "tool_" + name, name=name))
        store.refresh()
        with store.read() as conn:
            pattern = queries.trace_row(conn, f"{1:032x}").variant
    url = dashboard(path)
    page = browser.new_page(viewport={"width": width, "height": 844}, reduced_motion="reduce")
    page.set_default_timeout(PATIENCE_MS)
    faults: list[str] = []
    for address in ("/clusters", f"/pattern?id={pattern}", "/review?week=2023-11-14"):
        opened(page, url + address)
        if (beyond := page.evaluate(SIDEWAYS)) > 0:
            faults.append(f"{address}: {beyond} pixels beyond the screen")
        faults += [f"{address}: overlap {pair}" for pair in page.evaluate(OVERLAPS)]
    page.close()
    assert not faults, "\n".join(faults)
