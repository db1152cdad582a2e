"""The page of the weekly review."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.exchange.bundle import load_bundle
from clustertrace.store.store import Store
from tests.pages.conftest import START

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
    assert "The dearest run cost $1.00, 98.8 % of what these days cost." in html
    assert "83.3 % of the input was read from a cache, and none was missed." in html
    assert "ran 3 times" in html
    assert "3 runs came to a dead end" in html
    assert 'href="/?where=ending%3Aerror&amp;where=since%3A2023-11-13T00%3A00Z+until' in html


def test_other_weeks_are_a_click_away(some: Store, show: Show, monkeypatch: Any) -> None:
    """Before, after, and the last seven days; nothing is beyond those."""
    html = show("review", week=WEEK).html
    for href in ("/review?week=2023-11-06", "/review?week=2023-11-20", '"/review"'):
        assert href in html
    monkeypatch.setattr("time.time_ns", lambda: START)
    html = show("review").html
    assert "8–14 November 2023" in html
    assert "/review?week=2023-11-06" in html
    assert "Last seven days" not in html


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
    """How traces get in."""
    assert "There are no traces yet" in show("review").html


def test_what_is_no_week(some: Store, show: Show) -> None:
    """A sentence, and the way to those that are."""
    html = show("review", week="soon").html
    assert "is no week; write 2025-W47" in html
    assert "/review?week=" in html


def test_hostile_texts_stay_texts(hostile: Store, show: Show) -> None:
    """Prompts, names and sessions are escaped."""
    html = show("review", week=WEEK).html
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_the_demo_has_something_to_see(store: Store, show: Show) -> None:
    """In the last seven days each question has an answer."""
    load_bundle(store, time.time_ns())
    store.refresh()
    html = show("review").html
    assert "The dearest session cost" in html
    assert "missed a cache" in html
    assert "came to a dead end" in html
