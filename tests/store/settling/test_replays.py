"""Runs that repeat a recorded one are kept and shown, and counted nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

from clustertrace.filters import parse
from clustertrace.gate.checks import Assertion
from clustertrace.model import REPLAY_OF, Batch, Metric, Span, TraceFacts
from clustertrace.review.weeks import last_seven_days
from clustertrace.store import Store, queries
from clustertrace.store.queries.prompts import habits
from clustertrace.store.upkeep.backfill import backfill_signatures
from clustertrace.store.upkeep.checking import check
from clustertrace.store.user_entries import assertions
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces

START = 1_700_000_000 * 10**9
HOUR = 3_600 * 10**9
NONE_SINCE = Assertion("a", assertions.EVERY, "no_new_traces", 0.0, None, None, START)


def run(number: int, *, failed: bool, of: int | None = None, session: str | None = None) -> Batch:
    """A run of an agent with a search and a priced model call, or a replay of one."""
    trace_id, start = f"{number:032x}", START + number % 30 * HOUR
    status = "error" if failed else "ok"
    root = Span(trace_id, "1" * 16, None, "agent", "agent", status, start, start + 10**9)
    inside = root._replace(parent_span_id="1" * 16, start_ns=start + 1)
    tool = inside._replace(span_id="2" * 16, name="search" if failed else "answer", kind="tool")
    call = inside._replace(span_id="3" * 16, name="chat", kind="llm", model="m", input=f"why {of}?")
    priced = call._replace(input_tokens=100, output_tokens=10, cost_usd=0.5)
    tags = {} if of is None else {REPLAY_OF: f"{of:032x}"}
    scored = (Metric("score", number / 100, start),)
    facts = TraceFacts(trace_id, session_id=session, tags=tags | {"task": "t"}, metrics=scored)
    return Batch([root, tool, priced], [facts])


def answers(store: Store) -> dict[str, Any]:
    """What pages and commands say of all runs, and of those that match a filter."""
    recent = parse("since:2020-01-01")
    week = last_seven_days(START + 100 * HOUR, UTC)
    with store.read() as conn:
        sessions = queries.sessions(conn)
        return {
            "overview": replace(queries.overview(conn), replays=0),
            "overview of a filter": replace(queries.overview(conn, recent), replays=0),
            "clusters": queries.clusters(conn),
            "clusters of a filter": queries.clusters(conn, recent),
            "families": queries.families(conn),
            "failures": queries.failure_messages(conn, recent),
            "by task": queries.failures_by(conn, recent, "tag.task"),
            "drift": queries.runs_by_pattern(conn, recent),
            "rules": queries.learned(conn, 100),
            "spending": queries.spending(conn, "model"),
            "sessions": sessions,
            "turns": [queries.session(conn, row.session_id) for row in sessions.rows],
            "breaks": [queries.session_breaks(conn, row.session_id) for row in sessions.rows],
            "prompts": habits(conn),
            "metrics": queries.metric_names(conn),
            "values": queries.metric_values(conn, "score"),
            "values of a filter": queries.matching_metrics(conn, recent),
            "gate": assertions.seen(conn, NONE_SINCE, START + 100 * HOUR),
            "review": queries.review(conn, week, now_ns=START + 100 * HOUR),
        }


def test_counted_nowhere(store: Store) -> None:
    """No answer changes by replays, however many there are and however they went."""
    for number in range(12):
        store.write(run(number, failed=number % 3 == 0, session="s" if 2 <= number < 6 else None))
    store.refresh()
    before = answers(store)
    for number in range(20, 40):
        session = "s" if number % 5 == 0 else None
        store.write(run(number, failed=number % 2 == 0, of=number - 20, session=session))
    store.refresh()
    assert answers(store) == before
    backfill_signatures(store)
    assert answers(store) == before
    with store.read() as conn:
        assert queries.overview(conn).replays == 20
        assert queries.overview(conn, parse("failed:yes OR name:agent")).replays == 20
        listed = queries.traces(conn, limit=100)
    assert listed.total == len(listed.rows) == 32
    assert sum(row.failed for row in listed.rows) == 4 + 10, "each still says how it went"


def test_tag_comes_late(store: Store) -> None:
    """A run that turns out to be a replay is taken out of every number, and leaves no trace."""
    store.write(run(1, failed=False))
    store.refresh()
    before = answers(store)
    late = run(2, failed=True, of=1)
    store.write(late._replace(facts=[]))
    store.refresh()
    assert answers(store) != before
    store.write(Batch([], list(late.facts)))
    store.refresh()
    assert answers(store) == before
    assert check(store).sound


def test_said_by_hand(store: Store) -> None:
    """Who makes a replay of a run by its tag, or takes the tag away, sees every number follow."""
    store.write(run(1, failed=False))
    store.refresh()
    before = answers(store)
    late = run(2, failed=True, session="s")
    store.write(late)
    store.refresh()
    counted = answers(store)
    ids = [late.spans[0].trace_id]
    assert annotate_traces(store, ids, TraceEdit(tags={REPLAY_OF: f"{1:032x}"})) == 1
    assert answers(store) == before
    assert check(store).sound
    assert annotate_traces(store, ids, TraceEdit(tags={REPLAY_OF: ""})) == 1
    assert answers(store) == counted


def test_worked_out_anew(store: Store) -> None:
    """Working everything out anew comes to the same."""
    store.write(run(1, failed=False))
    store.write(run(2, failed=True, of=1))
    store.refresh()
    before = answers(store)
    assert check(store).sound
    backfill_signatures(store)
    assert answers(store) == before
