"""One call that two instrumentations report in traces of their own counts once."""

from __future__ import annotations

from itertools import permutations

import pytest

from clustertrace.model import Batch, Span
from clustertrace.store import queries
from clustertrace.store.store import Store

SECOND = 10**9
NOW = 1_700_000_000 * SECOND


def root(number: int, scope: str, *, after: float = 0, **fields: object) -> Span:
    """A model call that is a trace of its own."""
    start = NOW + int(after * SECOND)
    told = {
        "status": "ok",
        "model": "claude-sonnet-4-5",
        "input_tokens": 1050,
        "output_tokens": 25,
        **fields,
    }
    return Span(
        f"{number:032x}",
        f"{number:016x}",
        None,
        "call",
        "llm",
        start_ns=start,
        end_ns=start + SECOND,
        attributes={"scope.name": scope},
        **told,  # type: ignore[arg-type]
    )


def calls(store: Store) -> int:
    store.refresh()
    with store.read() as conn:
        return queries.overview(conn).llm_calls


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_answered_calls(store: Store, order: tuple[int, ...]) -> None:
    """Reports of the same tokens at the same time are one call, in whatever order they come."""
    spans = [root(1, "one"), root(2, "two", after=0.1), root(3, "one", after=9)]
    for at in order:
        store.write(Batch([spans[at]], []))
        store.settle(everything=True)
    assert calls(store) == 2


FAILED = {"status": "error", "input_tokens": None, "output_tokens": None}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_failed_calls(store: Store, order: tuple[int, ...]) -> None:
    """So are reports of the same failure, which know no tokens."""
    spans = [
        root(1, "one", **FAILED),
        root(2, "two", after=0.1, **FAILED),
        root(3, "two", after=0.2, **{**FAILED, "model": "claude-opus-4-1"}),
    ]
    for at in order:
        store.write(Batch([spans[at]], []))
        store.settle(everything=True)
    assert calls(store) == 2


def test_failures_of_one_instrumentation(store: Store) -> None:
    """One instrumentation reports each failure once: two reports are two calls."""
    store.write(Batch([root(1, "one", **FAILED), root(2, "one", **FAILED)], [], []))
    assert calls(store) == 2


def test_failed_and_answered(store: Store) -> None:
    """A failed call is not the one that was answered at the same time."""
    store.write(Batch([root(1, "one", **FAILED), root(2, "two")], [], []))
    assert calls(store) == 2


@pytest.mark.sqlite("its plans")
def test_failures_are_looked_up(store: Store) -> None:
    """Failed calls elsewhere are found by an index of them."""
    from clustertrace.store.writing.elsewhere import FAILED_AT_ONCE

    with store.read() as conn:
        sql = FAILED_AT_ONCE.format(scopes="SELECT 'one' AS scope UNION ALL SELECT 'two'")
        plan = conn.rows(f"EXPLAIN QUERY PLAN SELECT o.trace_id FROM {sql} AND n.trace_id = x'01'")
    assert any("spans_failed_calls" in str(step) for step in plan)
