"""Every page on the demo's runs, light and dark: something to see, and no barrier for axe."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clustertrace.app.shell import PAGES
from clustertrace.exchange.bundle import load_bundle
from clustertrace.filters import parse
from clustertrace.store import queries
from clustertrace.store.store import Store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

GRAVE = frozenset({"serious", "critical"})
PATIENCE_MS = 120_000
"""A slow machine's first page takes longer than Playwright's thirty seconds."""
ASKED = {"resultTypes": ["violations"]}
"""Every rule is run, but what passes is not written down element by element."""
NOT_OURS = {
    "svg-img-alt": "marked_brush",  # Vega draws the marked part of a chart without a name
}
"""Elements that no page of ours can mend, by the rule that they break."""


def addresses(store: Store) -> dict[str, str]:
    """Every page's address; those that show one thing, or two, name it."""
    with store.read() as conn:
        failed = queries.latest(conn, failed=True)
        passed = queries.latest(conn, parse("failed:no"))
        pattern = queries.trace_row(conn, failed).variant
    asked = {
        "trace": f"?id={failed}",
        "pattern": f"?id={pattern}",
        "compare": f"?a={failed}&b={passed}",
        "search": "?q=index",
    }
    return {page.module: f"/{page.path}{asked.get(page.module, '')}" for page in PAGES}


def test_every_page_can_be_read_by_everybody(
    browser: Browser, tmp_path: Path, dashboard: Callable[[Path], str]
) -> None:
    """No serious fault of accessibility, no error in the console, no other host; light and dark."""
    from axe_playwright_python.sync_playwright import Axe

    path = tmp_path / "demo.db"
    with Store.open(path) as store:
        load_bundle(store, time.time_ns())
        store.refresh()
        pages = addresses(store)
    url = dashboard(path)
    faults: list[str] = []
    for scheme in ("light", "dark"):
        context = browser.new_context(
            viewport={"width": 1440, "height": 1000}, color_scheme=scheme, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("console", partial(note, faults))
        for name, address in pages.items():
            opened(page, url + address)
            found = Axe().run(page, options=ASKED).response["violations"]
            faults += [f"{scheme} {name}: {fault}" for fault in map(in_short, found) if fault]
        context.close()
    assert not faults, "\n".join(faults)


def note(faults: list[str], message: Any) -> None:
    """Keep what a page says to the console, if it is an error."""
    if message.type == "error":
        faults.append(message.text)


def opened(page: Page, url: str) -> None:
    """Open a page and wait until it has drawn all that it wants to."""
    page.goto(url)
    page.locator("h1, h2, h3, [data-testid='stDataFrame']").first.wait_for()
    # A page that has not begun doesn't run either, and one that ran may still fetch its widgets.
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    assert page.locator("[data-testid='stException']").count() == 0


def in_short(violation: dict[str, Any]) -> str | None:
    """A grave fault in a line: the rule, and the elements that break it."""
    excused = NOT_OURS.get(violation["id"], "\0")
    where = [node["html"][:160] for node in violation["nodes"] if excused not in node["html"]]
    if violation["impact"] not in GRAVE or not where:
        return None
    return f"{violation['id']} ({violation['help']}): {where}"
