"""Questions that set runs against runs: failure counts by group, for any filter."""

from __future__ import annotations

from clustertrace.errors import UsageError
from clustertrace.filters import Filter
from clustertrace.patterns.verdict import Side
from clustertrace.store import filtering
from clustertrace.store.connection import Connection

__all__ = ["failures_by"]


def failures_by(conn: Connection, where: Filter, by: str) -> dict[str, Side]:
    """Finished runs that match, as failed and all, for each value of what they are grouped by.

    `by` is `name` (the root's), `pattern`, or `tag.KEY`; traces without the tag form no group.
    Raises UsageError for anything else.
    """
    condition, params = filtering.condition(where)
    if by in ("name", "pattern"):
        column, join = {"name": "name", "pattern": "variant_id"}[by], ""
    elif by.startswith("tag."):
        column = "grouping.value"
        join = "JOIN trace_tags AS grouping USING (trace_id) "
        condition += " AND grouping.key = :grouping_key"
        params["grouping_key"] = by.removeprefix("tag.")
    else:
        raise UsageError(f"Runs can be grouped by name, pattern or tag.KEY, not by {by!r}.")
    rows = conn.rows(
        f"SELECT {column}, sum(failed), count(*) FROM traces {join}"
        f"WHERE failed IS NOT NULL AND {condition} GROUP BY {column}",
        params,
    )
    return {name: Side(failed, runs) for name, failed, runs in rows}
