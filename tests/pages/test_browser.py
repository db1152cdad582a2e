"""The pages in a real browser, served as users serve them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from clustertrace.exchange.bundle import load_bundle
from clustertrace.filters import parse
from clustertrace.store import queries
from clustertrace.store.store import Store
from tests.pages.conftest import run

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_MS = 30_000
FOREIGN = 'img[src*="evil.invalid"], a[href^="http://evil"], a[href^="javascript"]'


class Witness:
    """What a page did that it should not."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.hosts: set[str | None] = set()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)
        page.on("request", lambda request: self._request(request.url))
        page.on("websocket", lambda socket: self._request(socket.url))
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _request(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob"):
            self.hosts.add(urlsplit(url).hostname)


@pytest.fixture
def witness(page: Page) -> Witness:
    """Sees to it that nothing goes wrong behind the page."""
    page.set_default_timeout(PATIENCE_MS)
    return Witness(page)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A database with the demo's traces."""
    path = tmp_path / "demo.db"
    with Store.open(path) as store:
        load_bundle(store, time.time_ns())
        store.refresh()
    return path


def at_rest(page: Page) -> None:
    """Wait until Streamlit has drawn all that it wants to."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def test_from_the_headline_to_a_failed_step_and_back(
    page: Page, witness: Witness, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """Clusters, a pattern, its traces, a trace, a span; then the back button, step by step."""
    url = dashboard(demo)
    page.goto(f"{url}/clusters")
    page.get_by_role("heading", name="2 patterns hold 12 of the 14 failures (86 %).").wait_for()
    at_rest(page)
    assert page.title() == "Clusters"
    assert page.get_by_text("Deploy").count() == 0

    page.locator(".ct-segment").first.click()
    page.get_by_role("heading", name="8 of 9 runs that took these steps failed").wait_for()
    pattern = page.url

    page.locator('[data-testid="stDataFrame"]').click(position={"x": 200, "y": 55})
    chart = page.locator(".vega-embed")
    chart.wait_for()
    assert "/trace?id=" in page.url
    at_rest(page)

    chart.click(position={"x": 60, "y": 55})
    page.locator(".ct-span-name", has_text="chat").wait_for()
    page.get_by_text("You answer questions from the web").wait_for()

    page.go_back()
    page.get_by_role("heading", name="8 of 9 runs that took these steps failed").wait_for()
    assert page.url == pattern
    page.go_back()
    page.get_by_role("heading", name="2 patterns hold").wait_for()
    assert page.url == f"{url}/clusters"
    assert witness.errors == []
    assert witness.hosts == {"localhost"}


def test_numbers_lead_to_the_traces_they_count(
    page: Page, witness: Witness, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """The failed count of the facts opens the list with as many rows."""
    page.goto(f"{dashboard(demo)}/clusters")
    page.get_by_role("link", name="14 failed").wait_for()
    at_rest(page)
    page.get_by_role("link", name="14 failed").click()
    page.get_by_text("14 traces").wait_for()
    page.wait_for_url("**/?where=failed%3Ayes")
    assert witness.errors == []


def test_new_traces_show_up_by_themselves(
    page: Page, witness: Witness, tmp_path: Path, dashboard: Callable[[Path], str]
) -> None:
    """An empty list fills without a reload when the first traces arrive."""
    db = tmp_path / "live.db"
    Store.open(db).close()
    page.goto(dashboard(db))
    page.get_by_text("There are no traces yet").wait_for()
    with Store.open(db) as store:
        load_bundle(store, time.time_ns())
        store.refresh()
    page.get_by_text("60 traces").wait_for()
    assert witness.errors == []


def test_deep_links_open_the_trace(
    page: Page, witness: Witness, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """`/trace/<id>` opens that trace."""
    with Store.open(demo) as store, store.read() as conn:
        trace_id = queries.latest(conn, failed=True)
    page.goto(f"{dashboard(demo)}/trace/{trace_id}")
    page.get_by_text(trace_id).wait_for()
    assert witness.errors == []


def test_hostile_texts_do_nothing(
    page: Page, witness: Witness, hostile: Store, dashboard: Callable[[Path], str]
) -> None:
    """Names and payloads of the worst kind run nothing, fetch nothing, and are shown as text."""
    url = dashboard(hostile.path)
    for path in ("/", "/clusters", f"/trace?id={1:032x}", f"/trace?id={1:032x}&span={2:016x}"):
        page.goto(url + path)
        page.locator(".ct").first.wait_for()
        at_rest(page)
        page.wait_for_load_state("networkidle")
        assert page.title() != "owned"
        assert page.locator(FOREIGN).count() == 0
        assert page.locator(".katex").count() == 0
    assert page.get_by_text("![x](http://evil.invalid/b.png)").count() > 0
    assert witness.errors == []
    assert witness.hosts == {"localhost"}


def test_a_draft_is_critiqued_from_the_keyboard(
    page: Page, witness: Witness, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """Ctrl+Enter in the field marks the words; a template leads there too, and can be undone."""
    page.goto(f"{dashboard(demo)}/prompts")
    page.get_by_role("tab", name="Critique a draft").click()
    field = page.get_by_role("textbox", name="Draft")
    field.fill("Maybe fix it.")
    field.press("Control+Enter")
    page.locator("mark", has_text="Maybe").wait_for()

    page.get_by_role("tab", name="Templates").click()
    page.get_by_role("button", name="New template").click()
    page.get_by_role("textbox", name="Name").fill("Vague")
    text = page.get_by_role("textbox", name="Text")
    text.fill("Perhaps improve {thing}")
    text.press("Control+Enter")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Critique").click()
    page.locator("mark", has_text="Perhaps").wait_for()
    assert "tab=Critique" in page.url
    assert witness.errors == []
    assert witness.hosts == {"localhost"}


def test_filters_stay_from_page_to_page_and_through_the_back_button(
    page: Page, witness: Witness, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """They are typed into the bar, stand in the address, and go along with the navigation."""
    url = dashboard(demo)
    page.goto(url)
    page.get_by_text("60 traces").wait_for()
    at_rest(page)
    bar = page.get_by_role("combobox", name="Filter")
    bar.click()
    for condition in ("failed:yes", "tag.agent:research"):
        bar.type(condition)
        bar.press("Enter")
        page.locator("[data-tag]", has_text=condition).wait_for()
    page.get_by_text("8 traces").wait_for()
    filtered = "/?where=failed%3Ayes&where=tag.agent%3Aresearch"
    assert page.url == url + filtered
    bar.press("Escape")

    page.get_by_role("link", name="Clusters").click()
    page.get_by_text("8 finished runs match").wait_for()
    assert page.url == url + filtered.replace("/?", "/clusters?")
    page.go_back()
    page.get_by_text("8 traces").wait_for()
    assert page.url == url + filtered
    page.reload()
    page.get_by_text("8 traces").wait_for()
    assert witness.errors == []


def test_what_a_step_did_stays_in_sight_in_a_long_trace(
    page: Page, tmp_path: Path, dashboard: Callable[[Path], str]
) -> None:
    """Whoever picks the last of many steps need not scroll back to the first to read it."""
    path = tmp_path / "long.db"
    with Store.open(path) as store:
        store.write(run(1, *(f"{chr(0x4E00 + n)} goes" for n in range(80))))
        store.refresh()
    page.goto(f"{dashboard(path)}/trace?id={1:032x}")
    details = page.locator(".st-key-details")
    details.get_by_text("took").wait_for()
    main = "document.querySelector('[data-testid=stMain]')"
    page.wait_for_function(f"{main}.scrollHeight > {main}.clientHeight + 500")
    at_rest(page)
    page.evaluate(f"{main}.scrollTo(0, 1e6)")
    page.wait_for_function(f"{main}.scrollTop > 500")
    box = details.bounding_box()
    assert box is not None
    assert box["y"] > 0


def test_the_back_button_keeps_the_filter_in_the_address(
    page: Page, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """Also where a rerun of the page before, still under way, clears it, as it does under load."""
    url = dashboard(demo)
    page.goto(f"{url}/?where=failed%3Ayes")
    page.get_by_text("14 traces").wait_for()
    at_rest(page)
    page.get_by_role("link", name="Clusters").click()
    page.get_by_text("14 finished runs match").wait_for()
    at_rest(page)
    page.go_back()
    page.evaluate("history.replaceState({}, '', '/')")
    page.wait_for_url(f"{url}/?where=failed%3Ayes")
    page.get_by_text("14 traces").wait_for()


def test_ticked_runs_are_judged_and_starred(
    page: Page, witness: Witness, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """Two rows are ticked and called passed, then a click on a star stars one."""
    page.goto(f"{dashboard(demo)}/?where=failed%3Ayes")
    page.get_by_text("14 traces").wait_for()
    table = page.locator('[data-testid="stDataFrame"]')
    for height in (52, 85):
        table.click(position={"x": 17, "y": height})
        at_rest(page)
    page.get_by_text("2 selected").wait_for()
    page.get_by_role("button", name="Outcome").click()
    page.locator("text=✓ passed >> visible=true").click()
    page.get_by_text("12 traces").wait_for()
    at_rest(page)

    table.click(position={"x": 55, "y": 52})
    page.locator("[data-testid^='glide-cell-1']", has_text="★").first.wait_for(state="attached")
    with Store.open(demo) as store, store.read() as conn:
        assert queries.overview(conn).failed == 12
        assert len(queries.newest(conn, parse("starred:yes failed:yes"), 9)) == 1
    assert witness.errors == []


def test_the_list_is_taken_away_as_a_file(
    page: Page, witness: Witness, demo: Path, dashboard: Callable[[Path], str]
) -> None:
    """Whole traces and tables hold what the filter leaves."""
    page.goto(f"{dashboard(demo)}/?where=failed%3Ayes")
    page.get_by_text("14 traces").wait_for()
    page.get_by_role("button", name="Export", exact=True).click()
    found = {}
    for label in ("JSON Lines", "Table (CSV)", "Table (Parquet)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        found[label] = Path(download.value.path()).read_bytes()
    assert len(found["JSON Lines"].splitlines()) == 14
    assert found["Table (CSV)"].startswith(b"trace_id,name")
    assert found["Table (Parquet)"].startswith(b"PAR1")
    page.get_by_text("clustertrace export --where failed:yes").wait_for()
    assert witness.errors == []
