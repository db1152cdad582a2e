"""The tools that judge: rules, why a pattern fails, before against after, run against run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from clustertrace.filters import Filter, before_only, parse
from clustertrace.mcp.bounds import Cursor, Where, cut, page_of
from clustertrace.mcp.findings import (
    Compared,
    Comparison,
    FailureRules,
    Judgement,
    Reasons,
    RunSide,
    SideCount,
)
from clustertrace.model import Trace
from clustertrace.opening import reading
from clustertrace.patterns.alignment import Pair, align, places_of_spans
from clustertrace.patterns.documents import learned_document
from clustertrace.patterns.verdict import Side, verdict, verdict_words
from clustertrace.patterns.why_words import why_document
from clustertrace.store import queries
from clustertrace.store.connection import Connection

__all__ = ["Judgements"]

_ROW_LIMIT: Final = 100
_EVIDENCE_LIMIT: Final = 3
_RUN_LIMIT: Final = 10_000


class Judgements:
    """Tools that read and judge, on the database `db` (None: the usual one)."""

    def __init__(self, db: str | None) -> None:
        self._db = db

    def compare_traces(
        self,
        a_trace_id: Annotated[str, Field(description="A run's id, or the start of it.")],
        b_trace_id: Annotated[str, Field(description="Another run's id.")],
        cursor: Cursor = None,
    ) -> Comparison:
        """Put two runs side by side: which steps are the same, and where they first part."""
        with reading(self._db) as store, store.read() as conn:
            a, b = queries.trace(conn, a_trace_id), queries.trace(conn, b_trace_id)
            a_failed, b_failed = (
                queries.trace_row(conn, trace.trace_id).failed for trace in (a, b)
            )
        left, right = places_of_spans(a.spans), places_of_spans(b.spans)
        rows = align(left, right)
        page_rows, next_cursor = page_of(
            rows, _ROW_LIMIT, cursor, "compare", a.trace_id, b.trace_id
        )
        return Comparison(
            sentence=_parting_words(rows),
            a=_run_side(a, len(left), failed=a_failed),
            b=_run_side(b, len(right), failed=b_failed),
            same_steps=all(row.what == "same" for row in rows),
            rows=[Compared.of(row) for row in page_rows],
            total_rows=len(rows),
            next_cursor=next_cursor,
        )

    def rules(
        self,
        where: Where = None,
        runs: Annotated[
            int, Field(ge=10, le=_RUN_LIMIT, description="Learn from this many of the newest runs.")
        ] = _RUN_LIMIT,
    ) -> FailureRules:
        """Say what failing runs have in common, in tested sentences, or that nothing stands out.

        Ask for each agent by itself (`name:…`) if there are several. Runs that failed as expected
        are left out unless `where` says which runs count.
        """
        matching = parse(where) if where else None
        with reading(self._db) as store, store.read() as conn:
            learned = queries.learned(conn, runs, matching)
            of_tags = queries.learned_of_tags(conn, runs, matching)
        return FailureRules.model_validate(learned_document(learned, of_tags))

    def why(
        self,
        pattern_id: Annotated[
            str,
            Field(
                description="A pattern's id, or the start of it; or a trace's, for the pattern of "
                "that trace."
            ),
        ],
    ) -> Reasons:
        """Say what goes along with a pattern's failures, next to similar runs that did not fail."""
        with reading(self._db) as store, store.read() as conn:
            cluster = queries.cluster_or_of(conn, pattern_id)
            reasons, parting = queries.explained(conn, cluster)
        return Reasons.model_validate(why_document(cluster.id, cluster.name, reasons, parting))

    def verdict(
        self,
        before: Annotated[
            str, Field(description="Filter of the runs before, such as `until:2026-01-31`.")
        ],
        after: Annotated[str, Field(description="Filter of the runs after.")],
        by: Annotated[
            str, Field(description="Compare within the same tag.KEY, name or pattern.")
        ] = "tag.task",
    ) -> Judgement:
        """Say if a change helped: improved, worse, or no evidence, with the interval."""
        first, second = parse(before), parse(after)
        with reading(self._db) as store, store.read() as conn:
            sides = queries.before_and_after(conn, first, second, by)
            samples = [_newest_ids(conn, where) for where in (before_only(first, second), second)]
        result = verdict(sides.before, sides.after)
        return Judgement(
            word=result.word,
            sentence=verdict_words(result, sides.by),
            by=sides.by,
            before=_side_count(result.before, samples[0]),
            after=_side_count(result.after, samples[1]),
            difference=result.difference,
            interval=(result.interval.low, result.interval.high),
            p=result.p,
            strata=result.strata,
            runs_compared=result.runs_compared,
            smallest=result.smallest,
        )


def _newest_ids(conn: Connection, where: Filter) -> list[str]:
    return [row.trace_id for row in queries.traces(conn, where, limit=_EVIDENCE_LIMIT).rows]


def _side_count(side: Side, samples: list[str]) -> SideCount:
    return SideCount(failed=side.failed, runs=side.runs, rate=side.rate, sample_trace_ids=samples)


def _run_side(trace: Trace, steps: int, *, failed: bool) -> RunSide:
    return RunSide(trace_id=trace.trace_id, name=cut(trace.name, 200), failed=failed, steps=steps)


def _parting_words(rows: Sequence[Pair]) -> str:
    for number, row in enumerate(rows, 1):
        if row.first_divergence:
            labels = [
                f"`{cut(place.label, 200)}`" if place else "nothing"
                for place in (row.left, row.right)
            ]
            return f"They part at step {number}: {labels[0]} in a, {labels[1]} in b."
    differing = [n for n, row in enumerate(rows, 1) if row.input_differs or row.output_differs]
    if differing:
        return f"They took the same steps; inputs or outputs first differ at step {differing[0]}."
    return "They took the same steps, with the same inputs and outputs."
