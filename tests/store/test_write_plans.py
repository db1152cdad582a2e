"""How SQLite goes about what writing, settling and deleting ask: by key, however much is stored.

What pages and commands ask is held in tests/store/queries/test_plans.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from clustertrace.filters import parse
from clustertrace.model import Batch, Log, Metric, Span, TraceFacts
from clustertrace.store import Store
from clustertrace.store.upkeep.retention import finish, retire
from tests.store.conftest import SECOND, START
from tests.store.queries.test_plans import PER_SPAN, PER_TRACE, reads_most, scanned

GROWING = (*PER_SPAN, *PER_TRACE, "sessions", "news", "transcript_turns", "turn_hosts")


def run(number: int) -> list[Span]:
    """A run whose call two programs report, with a prompt and, for some, an error."""
    trace_id, start = f"{number:032x}", START + number * 3600 * SECOND
    asked = [{"role": "user", "content": f"Find the row {number} for me, please."}]
    status = "error" if number % 3 == 0 else "ok"

    def span(at: int, name: str, kind: str, **fields: object) -> Span:
        begins = start + at * SECOND
        return Span(
            *(trace_id, f"{at:016x}", f"{1:016x}" if at > 1 else None, name, kind, status),
            *(begins, begins + SECOND),
            **fields,  # type: ignore[arg-type]
        )

    calls = [
        span(
            at,
            "chat",
            "llm",
            model="gpt-4o",
            input_tokens=7,
            output_tokens=3,
            attributes={"scope.name": f"s{at}", "gen_ai.response.id": f"r{number}"},
        )
        for at in (2, 3)
    ]
    return [span(1, "agent", "agent", input=asked), *calls, span(4, "search", "tool")]


def statements_of(store: Store, work: Callable[[], object]) -> set[str]:
    """What is asked of the database that is written to, its values written out."""
    found: list[str] = []
    with store.writing() as conn:
        raw = conn.raw
    raw.set_trace_callback(found.append)
    try:
        work()
    finally:
        raw.set_trace_callback(None)
    asked = {sql for sql in found if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT)", sql)}
    # The parts of the text index come and go.
    return {sql for sql in asked if "span_index_" not in sql}


def reading_much(plan: list[str]) -> list[str]:
    """The steps of a plan that read the more the more is stored."""
    taken_out = {step.split()[1] for step in plan if step.startswith(("CO-ROUTINE", "MATERIALIZE"))}
    growing = tuple(table for table in GROWING if table not in taken_out)
    return [
        step
        for step in plan
        if reads_most(step) or (scanned(step, growing) and not re.search("_due|news", step))
    ]


@pytest.mark.sqlite("its query plans")
def test_nothing_that_writes_reads_all_that_there_is(store: Store) -> None:
    """Neither what comes, nor settling, indexing, noting, putting right, nor deleting."""

    def work() -> None:
        for again in range(2):
            for number in range(1, 8):
                trace_id = f"{number:032x}"
                fact = TraceFacts(
                    trace_id,
                    session_id=f"s{number % 2}",
                    tags={"tier": "gold"},
                    metrics=(Metric("score", 0.5, START),),
                    outcome="fail" if again else None,
                )
                log = Log(trace_id, f"{2:016x}", START, "event", "scope", session_id="s1")
                spans = run(number)[: None if again else 3]
                store.write(Batch(spans, [fact], None, [log]))
                store.settle(everything=True)
                store.index_text()
                store.note_all()
        store.refresh()
        store.remove(f"{1:032x}")
        for where in ("failed:yes tag.tier:gold", "outcome:fail until:2020-01-01", "name:agent"):
            list(retire(store, parse(where)))
        finish(store)

    statements = statements_of(store, work)
    assert len(statements) > 100
    found = {}
    with store.read() as conn:
        for sql in statements:
            plan = [row[3] for row in conn.rows(f"EXPLAIN QUERY PLAN {sql}")]
            if steps := reading_much(plan):
                found[sql] = steps
    assert not found, "\n".join(f"{steps} {sql}" for sql, steps in found.items())
