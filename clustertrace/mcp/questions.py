"""The tools that look at runs and patterns."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from clustertrace.errors import UsageError
from clustertrace.filters import Filter, parse
from clustertrace.filters.writing import both, condition
from clustertrace.mcp.answers import Answer, Found, FoundList, Pattern, PatternList, Run, RunList
from clustertrace.mcp.bounds import Cursor, Limit, Where, cursor_at, page_of, start_of
from clustertrace.mcp.runs import RunDetail, run_detail
from clustertrace.opening import reading
from clustertrace.patterns.verdict import Side
from clustertrace.store import queries
from clustertrace.store.connection import Connection
from clustertrace.store.queries import ClusterOrder
from clustertrace.telling.headline import WORST, headline
from clustertrace.telling.words import counted, share

__all__ = ["FailureSummary", "Questions"]

_EVIDENCE_LIMIT: Final = 3
"""Runs to look at, for a group."""


class FailureGroup(Answer):
    """Runs with the same value of a tag, or the same root name."""

    value: str
    failed: int
    runs: int
    failure_rate: float
    failure_interval: tuple[float, float]
    """Wilson's 95 % interval."""
    failed_trace_ids: list[str]
    """Some of them, the newest."""


class FailureSummary(Answer):
    """Failures by group, and the patterns with most of them."""

    sentence: str
    grouped_by: str
    groups: list[FailureGroup]
    """Most failures first."""
    total_groups: int
    worst_patterns: list[Pattern]
    next_cursor: str | None


class Questions:
    """Tools that only read, on the database `db` (None: the usual one)."""

    def __init__(self, db: str | None) -> None:
        self._db = db

    def list_clusters(
        self,
        where: Where = None,
        order: ClusterOrder = "failed",
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> PatternList:
        """List execution patterns (runs that took the same steps), most failures first.

        Patterns whose failures are expected come after all others that failed.
        """
        start = start_of(cursor, "patterns", where, order, limit)
        with reading(self._db) as store, store.read() as conn:
            # The sentence is about the worst of all, however few are asked for.
            size = max(limit, WORST)
            page = queries.clusters(
                conn, _parse_filter(where), order=order, limit=size, offset=start
            )
        listed = page.clusters[:limit]
        end = start + len(listed)
        has_more = end < page.total
        is_first = order == "failed" and not start
        return PatternList(
            sentence=headline(page, filtered=bool(where)) if is_first else None,
            patterns=[Pattern.of(cluster) for cluster in listed],
            total=page.total,
            runs=page.traces,
            failed=page.failed,
            failed_as_expected=page.expected,
            next_cursor=cursor_at(end, "patterns", where, order, limit) if has_more else None,
        )

    def pattern(self, pattern_id: str) -> Pattern:
        """One pattern, by the start of its id."""
        with reading(self._db) as store, store.read() as conn:
            return Pattern.of(queries.cluster(conn, pattern_id))

    def get_trace(
        self,
        trace_id: Annotated[str, Field(description="Its id, or a unique start of it.")],
        span_id: Annotated[
            str | None, Field(description="Only this span, with full payloads and attributes.")
        ] = None,
        max_chars: Annotated[
            int, Field(ge=100, le=8_000, description="Per input, output and message.")
        ] = 1_000,
        cursor: Cursor = None,
    ) -> RunDetail:
        """Show one run: its spans in order, with inputs, outputs, errors, tokens and cost.

        For a failed run, also the steps at which it may have broken, with reasons.
        """
        with reading(self._db) as store, store.read() as conn:
            return run_detail(conn, trace_id, span_id, max_chars, cursor)

    def search(
        self,
        query: Annotated[
            str, Field(description='Words, "a phrase", prefix*, OR, NOT, NEAR; in any payload.')
        ],
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> FoundList:
        """Search the text of all spans: names, inputs, outputs, errors, attributes."""
        if not query.strip():
            raise UsageError("There is nothing to search for; give a word.")
        start = start_of(cursor, "search", query, limit)
        with reading(self._db) as store, store.read() as conn:
            page = queries.search(conn, query, limit=limit, offset=start)
        next_cursor = cursor_at(start + limit, "search", query, limit) if page.more else None
        return FoundList(
            spans=[Found.of(hit) for hit in page.hits],
            not_yet_searchable=page.behind,
            next_cursor=next_cursor,
        )

    def failure_summary(
        self,
        group_by_tag: Annotated[
            str | None, Field(description="A tag's key. Default: group by root name.")
        ] = None,
        where: Where = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> FailureSummary:
        """Say where failures are: by a tag or by agent, and in which patterns.

        Groups are counted among the newest 10 000 finished runs that match.
        """
        by = f"tag.{group_by_tag}" if group_by_tag else "name"
        with reading(self._db) as store, store.read() as conn:
            sides = queries.failures_by(conn, parse(where or ""), by)
            ranked = sorted(sides.items(), key=lambda one: (-one[1].failed, -one[1].runs, one[0]))
            page_groups, next_cursor = page_of(ranked, limit, cursor, "failures", by, where, limit)
            groups = [_failure_group(conn, by, value, side, where) for value, side in page_groups]
            worst = queries.clusters(conn, _parse_filter(where), limit=_EVIDENCE_LIMIT)
        return FailureSummary(
            sentence=_summary_sentence(by, sides),
            grouped_by=by,
            groups=groups,
            total_groups=len(sides),
            worst_patterns=[Pattern.of(one) for one in worst.clusters if one.failed],
            next_cursor=next_cursor,
        )

    def recent_failed(
        self, where: Where = None, limit: Limit = 20, cursor: Cursor = None
    ) -> RunList:
        """List the newest failed runs, with what went wrong and their pattern."""
        start = start_of(cursor, "failed", where, limit)
        failed = parse(both(where or "", "failed:yes"))
        with reading(self._db) as store, store.read() as conn:
            page = queries.traces(conn, failed, limit=limit, offset=start)
        end = start + len(page.rows)
        has_more = end < page.total
        return RunList(
            runs=[Run.of(row) for row in page.rows],
            total=page.total,
            next_cursor=cursor_at(end, "failed", where, limit) if has_more else None,
        )


def _parse_filter(where: str | None) -> Filter | None:
    return parse(where) if where else None


def _failure_group(
    conn: Connection, by: str, value: str, side: Side, where: str | None
) -> FailureGroup:
    evidence: list[str] = []
    if side.failed:
        failed_in_group = parse(both(where or "", condition(by, value), "failed:yes"))
        page = queries.traces(conn, failed_in_group, limit=_EVIDENCE_LIMIT)
        evidence = [row.trace_id for row in page.rows]
    return FailureGroup(
        value=value,
        failed=side.failed,
        runs=side.runs,
        failure_rate=side.rate,
        failure_interval=(side.interval.low, side.interval.high),
        failed_trace_ids=evidence,
    )


def _summary_sentence(by: str, sides: dict[str, Side]) -> str:
    failed = sum(side.failed for side in sides.values())
    runs = sum(side.runs for side in sides.values())
    if not runs:
        return f"No finished run has {'a name' if by == 'name' else by}."
    counts = f"{failed:,} of {counted(runs, 'finished run')} failed ({share(failed / runs)})"
    return f"{counts}, in {counted(len(sides), 'group')}."
