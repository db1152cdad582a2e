"""Rows of many spans or traces at once, by their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clustertrace.store.connection import Connection

__all__ = ["SpanKey", "keyed", "meeting"]

SpanKey = tuple[Any, ...]
"""Trace id and span id, binary."""


def keyed(table: str, count: int) -> str:
    """What stands behind FROM to find the rows of so many spans.

    The parameters are the trace and span id of each. Asked for by `(trace_id, span_id) IN
    (VALUES …)`, two of them have SQLite read the whole table.
    """
    return (
        f"(VALUES {', '.join(['(?, ?)'] * count)}) AS asked CROSS JOIN {table}"
        f" WHERE {table}.trace_id = column1 AND {table}.span_id = column2"
    )


def meeting(
    conn: Connection, trace_ids: Sequence[bytes], condition: str, params: Mapping[str, Any]
) -> set[bytes]:
    """Those of these traces that meet a condition, as of clustertrace.store.filtering.

    They are taken out first (no planner looks through the limit): side by side with `failed IS 1`,
    SQLite goes through all that failed.
    """
    names = [f"one{number}" for number in range(len(trace_ids))]
    some = f"SELECT * FROM traces WHERE trace_id IN ({', '.join(f':{name}' for name in names)})"
    rows = conn.rows(
        f"SELECT trace_id FROM ({some} LIMIT {len(names)}) AS traces WHERE {condition}",
        {**params, **dict(zip(names, trace_ids, strict=True))},
    )
    return {row[0] for row in rows}
