"""The page of the weekly review."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

from clustertrace.exchange.bundle import load_bundle
from clustertrace.store.store import Store
from tests.pages.conftest import START, run

if TYPE_CHECKING:
    from playwright.sync_api import Page

Show = Callable[..., Any]

WEEK = "2023-11-15"
"""A day of the week in which the runs of `some` began."""


@pytest.fixture(autouse=True)
def _monday(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let weeks begin on Monday, whoever runs this."""
    monkeypatch.setenv("CLUSTERTRACE_WEEK_STARTS", "monday")


def test_a_week_in_sentences_and_links(some: Store, show: Show) -> None:
    """Answers first; numbers lead to the traces of these days."""
    html = show("review", week=WEEK).html
    assert "13–19 November 2023: 6 runs of 4 patterns, 2 failed" in html
    assert "The most expensive run cost $1.00, 98.8 % of what these days cost." in html
    assert "83.3 % of the input was read from a cache, and none was missed." in html
    assert "ran 3 times" in html
    assert "3 runs came to a dead end" in html
    assert "cites nothing" in html, "the reason recorded with an outcome"
    assert 'href="/?where=ending%3Aerror&amp;where=since%3A2023-11-13T00%3A00Z+until' in html


def test_without_caches_there_is_no_table_of_noughts(store: Store, show: Show) -> None:
    """One sentence says that no call read from a cache."""
    batch = run(1)
    chat = batch.spans[0]._replace(
        span_id="c" * 16, parent_span_id=batch.spans[0].span_id, name="chat", kind="llm"
    )
    store.write(batch._replace(spans=[*batch.spans, chat._replace(input_tokens=20)]))
    store.refresh()
    html = show("review", week=WEEK).html
    assert "No model call of these days read from a cache." in html
    assert "Tokens missed" not in html


def test_other_weeks_are_a_click_away(some: Store, show: Show, monkeypatch: Any) -> None:
    """Before, after, and the last seven days; nothing is beyond those."""
    html = show("review", week=WEEK).html
    for href in ("/review?week=2023-11-06", "/review?week=2023-11-20", '"/review"'):
        assert href in html
    monkeypatch.setattr("time.time_ns", lambda: START)
    html = show("review").html
    assert "8–14 November 2023" in html
    assert "Last seven days" not in html
    before = "/review?week=2023-11-01%2F2023-11-07"
    assert f'href="{before}"' in html, "none of the seven days is in those before them"
    html = show("review", week="2023-11-01/2023-11-07").html
    assert "/review?week=2023-10-25%2F2023-10-31" in html
    assert "›" not in html.partition("<h1")[0], "the last seven days come next"


def test_a_pattern_over_weeks_is_a_picture(store: Store, show: Show) -> None:
    """Columns of the weeks since its first run, each with its own review below."""
    load_bundle(store, START - 7 * 86_400 * 10**9)
    load_bundle(store, START)
    store.refresh()
    html = show("review", week=WEEK).html
    assert html.count("ct-spark-column") > 1


def test_days_without_runs(some: Store, show: Show) -> None:
    """Say so, and where runs are."""
    html = show("review", week="2020-01-01").html
    assert "No run that has ended began on 30 December 2019 – 5 January 2020." in html
    assert 'href="/review?week=2023-11-15"' in html


def test_an_empty_database(store: Store, show: Show) -> None:
    """Without a trace the page says how traces get in."""
    assert "There are no traces yet" in show("review").html


def test_what_is_no_week(some: Store, show: Show) -> None:
    """A sentence, and the way to those that are."""
    html = show("review", week="soon").html
    assert "is not a week; write 2025-W47" in html
    early = show("review", week="1970-W01").html
    assert "1970-W01 can&#x27;t be reviewed; name a week from 1971 to 2199." in early
    assert "/review?week=" in html


@pytest.fixture
def opened(some: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    """Open the page on the week of the runs, in that week."""
    monkeypatch.setattr("time.time_ns", lambda: START)

    def opening(week: str = WEEK) -> AppTest:
        def script() -> None:
            from clustertrace.app.guard import guarded
            from clustertrace.pages import review

            guarded(review.draw)()

        app = AppTest.from_function(script, default_timeout=30)
        app.query_params["week"] = week
        return app.run()

    return opening


def html(app: AppTest) -> str:
    """All hand-made HTML."""
    assert not app.exception, app.exception
    return "\n".join(piece.proto.body for piece in app.get("html"))


def test_a_change_is_planned_and_marked(opened: Callable[..., AppTest], some: Store) -> None:
    """One figure of those on the page; a week later its before and after, and the mark."""
    app = opened()
    assert "Nothing is planned for 20–26 November 2023 yet." in html(app)
    app.text_input[1].set_value("Stop after three searches")
    assert app.selectbox[0].options[0] == "Failure rate of all runs: 40 %"
    app.selectbox[0].select_index(4)
    app = app.button[0].click().run()
    planned = (
        "For 20–26 November 2023: Stop after three searches (for the cost per run of all runs)."
    )
    assert planned in html(app)
    later = opened("2023-11-20")
    shown = html(later)
    assert "For 20–26 November 2023 you meant to: Stop after three searches" in shown
    assert "cost per run, 13–19 November 2023" in shown
    assert "No evidence" in shown
    later = later.get("button_group")[0].set_value("partial").run()
    shown = html(later)
    assert "You marked it partial." in shown
    assert 'class="ct-mark ct-mark-partial"' in shown


def test_an_empty_plan_says_what_to_do(opened: Callable[..., AppTest]) -> None:
    """A plan without a text is refused with what to do, and none is stored."""
    app = opened()
    app = app.button[0].click().run()
    assert "Say what you will change in 1 to 500 characters." in html(app)
    assert "Nothing is planned for 20–26 November 2023 yet." in html(opened())


def test_a_plan_can_be_withdrawn(opened: Callable[..., AppTest]) -> None:
    """A plan can be withdrawn until it is marked."""
    app = opened()
    app.text_input[1].set_value("Cache the tools")
    app = app.button[0].click().run()
    assert "Cache the tools" in html(app)
    app = app.button[0].click().run()
    assert "Nothing is planned" in html(app)


def test_hostile_texts_stay_texts(hostile: Store, show: Show) -> None:
    """Prompts, names and sessions are escaped."""
    html = show("review", week=WEEK).html
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_the_demo_has_something_to_see(store: Store, show: Show) -> None:
    """The review of the bundled runs, of the last seven days, has money, caches and dead ends."""
    load_bundle(store, time.time_ns())
    store.refresh()
    html = show("review").html
    assert "The most expensive session cost" in html
    assert "missed a cache" in html
    assert "came to a dead end" in html


@pytest.mark.browser
@pytest.mark.slow
def test_a_review_in_a_browser(page: Page, store: Store, dashboard: Callable[[Path], str]) -> None:
    """From a number to its traces and back; a plan; the next week, in which it is marked."""
    load_bundle(store, time.time_ns())
    store.refresh()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{dashboard(store.path)}/review")
    rest = page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    spent = page.locator(".ct-fact", has_text="came to a dead end").get_by_role("link")
    spent.wait_for()
    rest.wait_for()
    dead = spent.inner_text()
    spent.click()
    page.get_by_text(f"{dead} traces").wait_for()
    page.go_back()
    page.get_by_role("heading", name="One change for the next week").wait_for()
    rest.wait_for()

    page.get_by_label("What will you change?").fill("Say when to stop searching")
    page.get_by_role("button", name="Plan it").click()
    page.get_by_text("Say when to stop searching (for the failure rate of all runs).").wait_for()
    rest.wait_for()
    with store.read() as conn:
        week = conn.value("SELECT week FROM commitments")

    page.get_by_label("Week", exact=True).fill(week)
    page.keyboard.press("Enter")
    page.get_by_text("you meant to: Say when to stop searching").wait_for()
    assert page.url.endswith(f"/review?week={week}")
    rest.wait_for()
    page.get_by_role("radio", name="kept").click()
    page.get_by_text("You marked it kept.").wait_for()
    page.locator(".ct-mark-kept").wait_for()
    assert errors == []
