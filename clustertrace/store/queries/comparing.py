"""Questions that set runs against runs: failure counts by group, for any filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from clustertrace.errors import Ambiguous, NotFound, UsageError
from clustertrace.filters import Filter, before_only
from clustertrace.patterns import verdict
from clustertrace.patterns.alignment import places_of_spans, places_of_variant
from clustertrace.patterns.signature import Variant
from clustertrace.store import filtering
from clustertrace.store.answers import Side
from clustertrace.store.connection import Connection
from clustertrace.store.queries.listing import trace, trace_row
from clustertrace.store.queries.patterns import cluster

__all__ = ["BeforeAfter", "before_and_after", "failures_by", "sides"]


NEWEST: Final = 10_000
"""Runs of each side that are counted, newest first: enough to see two percentage points."""


class BeforeAfter(NamedTuple):
    """What a verdict compares: failures before and after, by the same groups."""

    before: dict[str, verdict.Side]
    after: dict[str, verdict.Side]
    by: str


def before_and_after(conn: Connection, before: Filter, after: Filter, by: str) -> BeforeAfter:
    """Finished runs of both sides by group (see `failures_by`); one that matches both is after.

    Where nobody has the usual tag, `tag.task`, they are grouped by the name of their root.
    """
    earlier = before_only(before, after)
    counts = BeforeAfter(failures_by(conn, earlier, by), failures_by(conn, after, by), by)
    if by == "tag.task" and not counts.before and not counts.after:
        return before_and_after(conn, before, after, "name")
    return counts


def failures_by(conn: Connection, where: Filter, by: str) -> dict[str, verdict.Side]:
    """The newest finished runs that match, at most `NEWEST`, as failed and all, for each value of
    what they are grouped by.

    `by` is `name` (the root's), `pattern`, or `tag.KEY`; traces without the tag form no group.
    Raises UsageError for anything else.
    """
    condition, params = filtering.condition(conn, where)
    column, join = {"name": "name", "pattern": "variant_id"}.get(by), ""
    if by.startswith("tag."):
        column, join = "value", " JOIN trace_tags USING (trace_id) WHERE key = :grouping_key"
        params["grouping_key"] = by.removeprefix("tag.")
    elif column is None:
        raise UsageError(f"Runs can be grouped by name, pattern or tag.KEY, not by {by!r}.")
    # The plus keeps SQLite on the index by start, which gives the newest without sorting all.
    rows = conn.rows(
        f"SELECT {column}, sum(failed), count(*) FROM (SELECT trace_id, name, variant_id, failed"
        f" FROM traces WHERE +failed IS NOT NULL AND {condition}"
        f" ORDER BY start_ns DESC LIMIT :newest){join} GROUP BY {column}",
        params | {"newest": NEWEST},
    )
    return {name: verdict.Side(failed, runs) for name, failed, runs in rows}


def sides(conn: Connection, a: str, b: str) -> tuple[Side, Side]:
    """Two patterns by their ids, if both are such, else two traces. Raises NotFound."""
    patterns = [_found(conn, prefix, _pattern_side) for prefix in (a, b)]
    if isinstance(patterns[0], Side) and isinstance(patterns[1], Side):
        return patterns[0], patterns[1]
    traces = [_found(conn, prefix, _trace_side) for prefix in (a, b)]
    if isinstance(traces[0], Side) and isinstance(traces[1], Side):
        return traces[0], traces[1]
    for (one, other), pattern, trace_ in (((0, 1), a, b), ((1, 0), b, a)):
        if isinstance(patterns[one], Side) and isinstance(traces[other], Side):
            raise NotFound(
                f"{pattern} is a pattern and {trace_} a trace; name two patterns or two traces."
            )
    # Next to a pattern, or where several begin so, a pattern was meant.
    meant = traces
    if any(isinstance(side, Side | Ambiguous) for side in patterns):
        meant = patterns
    errors = [side for side in meant if isinstance(side, NotFound)]
    # Beside one that is too short, the other id may be right, and of the other sort.
    raise next((error for error in errors if isinstance(error, Ambiguous)), errors[0])


def _found(
    conn: Connection, prefix: str, find: Callable[[Connection, str], Side]
) -> Side | NotFound:
    """A trace or a pattern, or why there is none."""
    try:
        return find(conn, prefix)
    except NotFound as error:
        return error


def _pattern_side(conn: Connection, prefix: str) -> Side:
    pattern = cluster(conn, prefix)
    places = places_of_variant(Variant(pattern.id, pattern.name, pattern.steps))
    return Side("pattern", pattern.id, pattern.name, places, pattern)


def _trace_side(conn: Connection, prefix: str) -> Side:
    whole_trace = trace(conn, prefix)
    row = trace_row(conn, whole_trace.trace_id)
    return Side(
        "trace", whole_trace.trace_id, whole_trace.name, places_of_spans(whole_trace.spans), row
    )
