"""The page of one pattern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clustertrace.store import queries
from clustertrace.store.store import Store


def test_a_pattern_shows_its_traces(some: Store, show: Callable[..., Any]) -> None:
    """A sentence, the steps, and the traces that took them."""
    with some.read() as conn:
        worst = queries.clusters(conn).clusters[0]
    shown = show("pattern", id=worst.id)
    assert "agent: 2 of 3 runs that took these steps failed (67 %)." in shown.html
    assert len(shown.table) == 3
    assert len(show("pattern", id=worst.id, state="failed").table) == 2


def test_an_unknown_pattern_says_so(some: Store, show: Callable[..., Any]) -> None:
    """One sentence and a way back."""
    for wrong in ("", "no such", "'; DROP TABLE spans"):
        html = show("pattern", id=wrong).html
        assert "There is no such pattern" in html
        assert 'href="/clusters"' in html


def test_hostile_names_stay_text(hostile: Store, show: Callable[..., Any]) -> None:
    """No name becomes an element of the page."""
    with hostile.read() as conn:
        worst = queries.clusters(conn).clusters[0]
    html = show("pattern", id=worst.id).html
    assert "&lt;script&gt;" in html
    assert "<script" not in html
