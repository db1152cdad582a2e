"""How SQLite goes about every question that pages and commands ask: none reads a table of spans,
of traces or of what belongs to them from one end to the other.

What a question costs when the database is large is measured in benchmarks/bench_scale.py; here is
held what makes it so, for each function of clustertrace.store.queries by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC
from inspect import isfunction
from typing import Any

import pytest

from clustertrace.filters import parse
from clustertrace.model import Metric, Span, TraceFacts
from clustertrace.review.weeks import last_seven_days
from clustertrace.store import Store, filtering, queries
from clustertrace.store.connection import Connection
from clustertrace.store.queries.prompts import habits
from clustertrace.store.queries.templates import templates
from tests.store.conftest import SECOND, START, batch

PER_SPAN = ("spans", "unjoined_spans", "logs", "span_index_view")
PER_TRACE = ("traces", "trace_tags", "trace_metrics", "trace_traits", "trace_spending", "prompts")
ONE, OTHER = f"{1:032x}", f"{3:032x}"
NOW = START + 100 * 3600 * SECOND

Ask = Callable[[Connection], Any]


def pattern(conn: Connection) -> str:
    """The id of a pattern that failed."""
    return queries.trace_row(conn, OTHER).variant or ""


def lists(where: str) -> Ask:
    """A page of the list of traces."""
    return lambda conn: queries.traces(conn, parse(where))


QUESTIONS: dict[str, Ask] = {
    "backlog": lambda conn: queries.backlog(conn, NOW),
    "before_and_after": lambda conn: queries.before_and_after(
        conn, parse("name:agent failed:yes"), parse("name:agent since:2020-01-01"), "tag.tier"
    ),
    "beside_in_session": lambda conn: queries.beside_in_session(conn, ONE),
    "cluster": lambda conn: queries.cluster(conn, pattern(conn)),
    "cluster_or_of": lambda conn: queries.cluster_or_of(conn, ONE),
    "clusters": queries.clusters,
    "clusters of a filter": lambda conn: queries.clusters(conn, parse("since:2020-01-01")),
    "clusters of a tag": lambda conn: queries.clusters(conn, parse("tag.tier:gold")),
    "members": lambda conn: queries.members(
        conn, {one.whole.id: 3 for one in queries.families(conn).families}
    ),
    "days": queries.days,
    "explained": lambda conn: queries.explained(conn, queries.cluster(conn, pattern(conn))),
    "export": lambda conn: list(queries.export(conn, parse("failed:yes"), newest=2)),
    "facets": lambda conn: queries.facets(conn, "agent"),
    "failed_runs": lambda conn: queries.failed_runs(conn, pattern(conn), 3),
    "failure_messages": queries.failure_messages,
    "failures_by": lambda conn: queries.failures_by(conn, parse("failed:yes"), "tag.tier"),
    "families": queries.families,
    "families of a filter": lambda conn: queries.families(conn, parse("since:2020-01-01")),
    "has_traces": queries.has_traces,
    "known_traces": lambda conn: queries.known_traces(conn, [ONE]),
    "latest": lambda conn: queries.latest(conn, failed=True),
    "learned": lambda conn: queries.learned(conn, 100),
    "learned_of_tags": lambda conn: queries.learned_of_tags(conn, 100),
    "lines": lambda conn: list(queries.lines(conn, parse("failed:yes"))),
    "matching": lambda conn: queries.matching(conn, parse("tag.tier:gold")),
    "matching_metrics": lambda conn: queries.matching_metrics(conn, parse("failed:yes")),
    "metric_names": queries.metric_names,
    "metric_values": lambda conn: queries.metric_values(conn, "score"),
    "named": lambda conn: queries.named(conn, pattern(conn)),
    "models": queries.models,
    "names": queries.names,
    "newest": lambda conn: queries.newest(conn, parse("failed:yes"), 10),
    "newest_span": queries.newest_span,
    "overview": queries.overview,
    "paths": lambda conn: queries.paths(conn, queries.cluster(conn, pattern(conn))),
    "pattern_annotations": lambda conn: queries.pattern_annotations(conn, [pattern(conn)]),
    "pattern_runs": queries.pattern_runs,
    "pattern_runs of a filter": lambda conn: queries.pattern_runs(conn, parse("failed:yes")),
    "patterns_by_tag": lambda conn: queries.patterns_by_tag(conn, "tier"),
    "relatives": lambda conn: queries.relatives(conn, pattern(conn), failed=False, limit=5),
    "review": lambda conn: queries.review(conn, last_seven_days(NOW, UTC), now_ns=NOW),
    "runs_by_pattern": lambda conn: queries.runs_by_pattern(conn, parse("since:2020-01-01")),
    "runs_noted": queries.runs_noted,
    "saved_filters": queries.saved_filters,
    "search": lambda conn: queries.search(conn, "agent"),
    "session": lambda conn: queries.session(conn, "s"),
    "session_breaks": lambda conn: queries.session_breaks(conn, "s"),
    "sessions": queries.sessions,
    "sessions by cost": lambda conn: queries.sessions(conn, order="cost_usd"),
    "siblings": lambda conn: queries.siblings(conn, ONE, pattern(conn)),
    "sides": lambda conn: queries.sides(conn, ONE, OTHER),
    "spending": lambda conn: queries.spending(conn, "session"),
    "spending of a week": lambda conn: queries.spending(conn, "model", since_day=10),
    "spending_in_sessions": queries.spending_in_sessions,
    "spans_state": lambda conn: queries.spans_state(conn, ONE),
    "steps": lambda conn: list(queries.steps(conn, queries.traces(conn).rows)),
    "suspects_of": lambda conn: queries.suspects_of(conn, queries.trace(conn, OTHER)),
    "tag_keys": queries.tag_keys,
    "tag_keys_of": lambda conn: queries.tag_keys_of(conn, 19_675),
    "tag_values": lambda conn: queries.tag_values(conn, "tier"),
    "tags_of": lambda conn: queries.tags_of(conn, [ONE], "tier"),
    "trace": lambda conn: queries.trace(conn, ONE),
    "trace_id": lambda conn: queries.trace_id(conn, ONE),
    "trace_row": lambda conn: queries.trace_row(conn, ONE),
    "traces": queries.traces,
    "traces with a tag": lists("tag.tier:gold"),
    "traces with steps": lists("seq(search -> fetch)"),
    "traces with words": lists("text:agent"),
    "traces of a model": lists("model:gpt"),
    "traces of some models": lists("model:gpt*"),
    "variants_of": lambda conn: queries.variants_of(conn, [pattern(conn)]),
    "why": lambda conn: queries.why(conn, queries.cluster(conn, pattern(conn))),
    "habits": habits,
    "templates": templates,
}  # fmt: skip
"""Every function by its name, and with what else it is asked."""

ALL_OF_THEM = {
    "description": "`clustertrace db info` counts every row and page there is",
}
"""Questions that read a table as a whole, and why that may be."""


@pytest.fixture(scope="module")
def conn(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Connection]:
    """Some runs of two patterns, with tags, a session, a number and failures."""
    with Store.open(tmp_path_factory.mktemp("plans") / "t.db") as store:
        for number in range(1, 5):
            facts = TraceFacts(
                f"{number:032x}",
                session_id="s",
                tags={"tier": "gold" if number > 2 else "tin"},
                metrics=(Metric("score", 0.5, START),),
            )
            store.write(batch(*_run(number, failed=number > 2), facts=[facts]))
        store.refresh()
        with store.read() as opened:
            yield opened


def _run(number: int, *, failed: bool) -> list[Span]:
    trace_id, start = f"{number:032x}", START + number * 3600 * SECOND
    spans = [
        Span(
            *(trace_id, f"{at:016x}", f"{1:016x}" if at > 1 else None, name, kind, "ok"),
            *(start + at * SECOND, start + (at + 1) * SECOND),
        )
        for at, (name, kind) in enumerate(
            [("agent", "agent"), ("chat", "llm"), ("search", "tool"), ("fetch", "tool")], 1
        )
    ]
    return [one._replace(status="error") for one in spans] if failed else spans


def asked(conn: Connection, ask: Ask) -> dict[str, list[str]]:
    """Each statement that a question runs, with its plan."""
    statements: list[str] = []
    conn.raw.set_trace_callback(statements.append)
    try:
        ask(conn)
    finally:
        conn.raw.set_trace_callback(None)
    selects = [sql for sql in statements if sql.lstrip().startswith(("SELECT", "WITH"))]
    assert selects
    return {sql: _plan(conn, sql) for sql in selects}


def _plan(conn: Connection, sql: str) -> list[str]:
    """The steps of a plan; one that has to sort what it walks through says so."""
    steps = conn.rows(f"EXPLAIN QUERY PLAN {sql}")
    sorted_in = {row[1] for row in steps if row[3].startswith("USE TEMP B-TREE")}
    return [row[3] + " SORTED" * (row[1] in sorted_in) for row in steps]


SAME_FOR_MOST = ("version", "failed", "status", "kind")
"""Columns with one value in most rows: an index asked for nothing else is read nearly whole."""


def reads_most(step: str) -> bool:
    """Whether a step of a plan reads all rows that have what most have."""
    by = re.search(r"SEARCH (\w+) USING .*?INDEX \w+ \((\w+)=\?\)", step)
    return by is not None and by[1] in (*PER_SPAN, *PER_TRACE) and by[2] in SAME_FOR_MOST


def scanned(step: str, tables: tuple[str, ...]) -> bool:
    """Whether a step of a plan reads one of these tables, or an index of it, from its beginning."""
    found = re.match(r"SCAN (\w+)", step)
    return found is not None and found[1] in tables


@pytest.mark.parametrize("name", ["clusters", "families", "pattern_runs", "runs_by_pattern"])
def test_a_common_tag_is_looked_up_run_by_run(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The newest runs that have it are met soon; a list of all that have it would be long."""
    monkeypatch.setattr(filtering, "_INDEX_LIMIT", 0)
    where = parse("tag.tier:gold")
    plans = asked(conn, lambda conn: getattr(queries, name)(conn, where))
    picked = next(p for sql, p in plans.items() if "FROM traces" in sql and "trace_tags" in sql)
    assert "SEARCH trace_tags USING INDEX sqlite_autoindex_trace_tags_1" in "; ".join(picked)
    assert any(step.startswith("SCAN traces USING INDEX traces_start") for step in picked)


def test_every_question_is_here() -> None:
    """A new question is held to it too."""
    functions = {name for name in queries.__all__ if isfunction(getattr(queries, name))}
    assert functions <= QUESTIONS.keys() | ALL_OF_THEM.keys()


@pytest.mark.parametrize("name", QUESTIONS)
def test_no_question_reads_all_spans_or_sorts_all_traces(conn: Connection, name: str) -> None:
    """Spans are read by trace or by number. Traces are walked in the order of an index, which ends
    where a page ends; nothing else that there is one of a trace is walked through."""
    for sql, plan in asked(conn, QUESTIONS[name]).items():
        assert not [step for step in plan if scanned(step, PER_SPAN) and "spans_seq" not in step], (
            sql
        )
        walked = [step for step in plan if scanned(step, PER_TRACE)]
        assert all("USING" in step for step in walked), (sql, plan)
        assert not any(step.endswith("SORTED") for step in walked), (sql, plan)
        assert "trace_id IN (x'" not in sql or not any(map(reads_most, plan)), (sql, plan)
