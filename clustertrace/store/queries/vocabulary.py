"""The values that filters can be completed with: names of roots, keys and values of tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clustertrace.store.connection import Connection
from clustertrace.summary import NS_PER_DAY

__all__ = ["names", "tag_keys", "tag_keys_of", "tag_values"]


def names(conn: Connection, limit: int = 100) -> tuple[str, ...]:
    """The names of traces, in order, at most `limit`; case tells none apart, as in a filter."""
    return _distinct(conn, "traces", "name COLLATE NOCASE", "name IS NOT NULL", (), limit)


def tag_keys(conn: Connection, limit: int = 10_000) -> tuple[str, ...]:
    """Every key that some trace is tagged with, in order, at most `limit`."""
    return _distinct(conn, "trace_tags", "key", "TRUE", (), limit)


def tag_keys_of(conn: Connection, day: int) -> tuple[str, ...]:
    """The keys of tags of traces that began on a day, counted from 1970-01-01 UTC, in order.

    Costs a look at each of that day's traces.
    """
    sql = (
        "SELECT DISTINCT key FROM traces CROSS JOIN trace_tags USING (trace_id)"
        " WHERE start_ns >= ? AND start_ns < ? ORDER BY key"
    )
    return tuple(row[0] for row in conn.rows(sql, (day * NS_PER_DAY, (day + 1) * NS_PER_DAY)))


def tag_values(conn: Connection, key: str, limit: int = 100) -> tuple[str, ...]:
    """The values of a tag, in order, at most `limit`; case tells none apart, as in a filter."""
    return _distinct(conn, "trace_tags", "value COLLATE NOCASE", "key = ?", (key,), limit)


def _distinct(
    conn: Connection, table: str, column: str, condition: str, params: Sequence[Any], limit: int
) -> tuple[str, ...]:
    """One index seek a value: DISTINCT would read an entry a trace."""
    found: list[str] = []
    sql = f"SELECT {column} FROM {table} WHERE {condition}"
    while len(found) < limit:
        beyond = f" AND {column} > ?" if found else ""
        value = conn.value(f"{sql}{beyond} ORDER BY {column} LIMIT 1", (*params, *found[-1:]))
        if value is None:
            break
        found.append(value)
    return tuple(found)
