"""One call that two instrumentations report in traces of their own counts once."""

from __future__ import annotations

from itertools import permutations

import pytest

from clustertrace.model import Batch, Span
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.store.writing.shared_calls import (
    ANSWERED_AT_ONCE,
    FAILED_AT_ONCE,
    ROOT_ANSWERED_AT_ONCE,
    ROOT_FAILED_AT_ONCE,
    SAME_RESPONSE,
    calls_elsewhere,
)
from clustertrace.understanding.same_calls import NEAREST

SECOND = 10**9
NOW = 1_700_000_000 * SECOND


def root(number: int, scope: str, *, after: float = 0, **fields: object) -> Span:
    """A model call that is a trace of its own."""
    start = NOW + int(after * SECOND)
    defaults = {
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
        **defaults,  # type: ignore[arg-type]
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
    """Two reports of a failed call, without tokens, count once; another model is another call."""
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


def agent(number: int) -> list[Span]:
    """A run whose model call is reported twice inside it."""
    outer = root(number, "one")._replace(name="agent", kind="agent", attributes={})
    inside = root(number, "one")._replace(span_id=f"{number + 100:016x}")
    inside = inside._replace(parent_span_id=outer.span_id)
    again = inside._replace(span_id=f"{number + 200:016x}", attributes={"scope.name": "two"})
    return [outer, inside, again]


def test_agents_that_ask_the_same_at_once(store: Store) -> None:
    """Their calls are not compared with each other's, since none can be one of another run; once a
    call by itself comes, which may be any of theirs, they are. Here it is none: each reporter has
    told of each of them."""
    runs = [agent(number) for number in range(1, 9)]
    store.write(Batch([span for run in runs for span in run], []))
    asked = {bytes.fromhex(run[0].trace_id): run for run in runs}
    with store.read() as conn:
        assert calls_elsewhere(conn, asked) == {}
    assert calls(store) == 8
    store.write(Batch([root(50, "two", after=0.001)], []))
    with store.read() as conn:
        found = calls_elsewhere(conn, asked)
        assert conn.value("SELECT count(*) FROM news") == 9, "all of them are settled again"
    assert {len(others) for others in found.values()} == {2 * 7 + 1}
    assert calls(store) == 9


def test_calls_by_themselves_that_ask_the_same_at_once(store: Store) -> None:
    """Each is compared with those that begin nearest, not with all, and each counts once."""
    spans = [
        root(number + 1000 * at, scope, after=number / 100 + at / 10**6, output_tokens=number % 7)
        for number in range(1, 151)
        for at, scope in enumerate(("one", "two"))
    ]
    store.write(Batch(spans, []))
    asked = {bytes.fromhex(span.trace_id): [span] for span in spans}
    with store.read() as conn:
        found = calls_elsewhere(conn, asked)
    assert len(found) == 300
    assert max(map(len, found.values())) <= 4 * NEAREST < 150
    assert calls(store) == 150


@pytest.mark.sqlite("its plans")
@pytest.mark.parametrize(
    ("calls", "index"),
    [
        (ANSWERED_AT_ONCE, "spans_calls (scope=? AND <expr>=? AND input_tokens=? AND start_ns>"),
        (ROOT_ANSWERED_AT_ONCE, "spans_root_calls (scope=? AND <expr>=? AND input_tokens=? AND"),
        (FAILED_AT_ONCE, "spans_failed_calls (scope=? AND start_ns>"),
        (ROOT_FAILED_AT_ONCE, "spans_root_calls (scope=? AND <expr>=? AND input_tokens=? AND"),
        (SAME_RESPONSE, "spans_responses (<expr>=? AND response_id=?)"),
    ],
)
def test_calls_at_the_same_time_are_looked_up(store: Store, calls: str, index: str) -> None:
    """Each kind by an index of its own, so that a thousand others there cost nothing."""
    with store.read() as conn:
        sql = calls.format(scopes="SELECT 'one' AS scope UNION ALL SELECT 'two'", last="n.start_ns")
        plan = conn.rows(
            f"EXPLAIN QUERY PLAN SELECT o.trace_id FROM spans n CROSS JOIN {sql}"
            " AND n.trace_id = x'01'"
        )
    assert any(index in str(step) for step in plan)
