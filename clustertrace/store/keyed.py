"""Rows of many spans at once, by their keys."""

from __future__ import annotations

from typing import Any

__all__ = ["SpanKey", "keyed"]

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
