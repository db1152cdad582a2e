"""Runs to compare a run with: the nearest first, and never too many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clustertrace.model import Batch, Span
from clustertrace.store import Store, queries
from clustertrace.store.queries.relating import relatives

Make = Callable[..., list[Span]]


@pytest.fixture
def several(store: Store, make_trace: Make) -> Store:
    """Runs of one agent in three families, two of them failed, and one of another agent."""
    for number, (tools, failed) in enumerate(
        [
            ("search answer", False),
            ("search answer", True),
            ("search search answer", False),
            ("book pay answer", False),
            ("search answer", False),
            ("book pay answer", True),
        ],
        1,
    ):
        store.write(Batch(make_trace(number, *tools.split(), failed=failed), []))
    store.write(Batch(make_trace(7, "search", "answer", name="other"), []))
    store.refresh()
    return store


def test_the_nearest_come_first(several: Store) -> None:
    """Runs of the pattern, newest first, then of its family, then of the name; none of another."""
    with several.read() as conn:
        variant = queries.trace_row(conn, f"{2:032x}").variant
        assert variant is not None
        found = relatives(conn, variant, failed=False, limit=10)
        assert [(int(one.trace_id, 16), one.level) for one in found] == [
            (5, "pattern"),
            (1, "pattern"),
            (3, "family"),
            (4, "name"),
        ]
        assert relatives(conn, variant, failed=False, limit=3) == found[:3]
        assert relatives(conn, "no such", failed=False, limit=3) == ()


def test_siblings_are_the_steps_of_the_others(several: Store) -> None:
    """The run itself is not among them; failed and passed ones are told apart."""
    with several.read() as conn:
        row = queries.trace_row(conn, f"{2:032x}")
        found = queries.siblings(conn, row.trace_id, row.variant)
    nearest = {int(one.trace_id, 16): (one.failed, " ".join(one.labels)) for one in found}
    assert nearest == {
        6: (True, "book pay answer"),
        5: (False, "search answer"),
        1: (False, "search answer"),
        3: (False, "search search answer"),
        4: (False, "book pay answer"),
    }


def test_another_agent_of_the_same_root_name_is_no_relative(
    several: Store, make_trace: Make
) -> None:
    """Many agents call their root `agent`; those that share no step with a run are left out."""
    several.write(Batch(make_trace(20, "SELECT", "SHOW"), []))
    several.write(Batch(make_trace(21, "SELECT", failed=True), []))
    several.refresh()
    with several.read() as conn:
        row = queries.trace_row(conn, f"{2:032x}")
        ids = {one.trace_id for one in queries.siblings(conn, row.trace_id, row.variant)}
        assert ids == {f"{number:032x}" for number in (1, 3, 4, 5, 6)}
        row = queries.trace_row(conn, f"{21:032x}")
        (only,) = queries.siblings(conn, row.trace_id, row.variant)
        assert only.trace_id == f"{20:032x}"


def test_suspects_are_asked_of_failed_runs_only(store: Store, make_trace: Make) -> None:
    """A run that passed has none; one that failed is judged beside its siblings."""
    store.write(Batch(make_trace(1, "search", "cite", "answer"), []))
    store.write(Batch(make_trace(2, "search", "answer", failed=True), []))
    store.refresh()
    with store.read() as conn:
        passed, failed = (queries.trace(conn, f"{number:032x}") for number in (1, 2))
        assert queries.suspects_of(conn, passed) == ()
        (suspect,) = queries.suspects_of(conn, failed)
        assert (suspect.step, suspect.place) == ("answer", 2)
        assert suspect.reasons[0].trace_id == f"{1:032x}"


def test_siblings_say_what_they_share_of_what_is_asked(several: Store) -> None:
    """Traits are read as they were stored, and only those that are asked for."""
    calls, never = ("calls", "search", "", 1.0), ("calls", "no such", "", 1.0)
    with several.read() as conn:
        row = queries.trace_row(conn, f"{2:032x}")
        found = queries.siblings(conn, row.trace_id, row.variant, [calls, never])
    shared = {int(one.trace_id, 16): one.traits for one in found}
    assert shared[5] == {calls}
    assert shared[4] == frozenset()
