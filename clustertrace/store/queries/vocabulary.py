"""The values that filters can be completed with: names of roots, models, tags' keys and values."""

from __future__ import annotations

from clustertrace.model import NS_PER_DAY
from clustertrace.store.connection import Connection
from clustertrace.store.distinct import distinct
from clustertrace.store.distinct import models_called as models

__all__ = ["models", "names", "tag_keys", "tag_keys_of", "tag_values"]


def names(conn: Connection, limit: int = 100) -> tuple[str, ...]:
    """The names of traces, in order, at most `limit`; case tells none apart, as in a filter."""
    return distinct(conn, "traces", "name COLLATE NOCASE", "TRUE", (), limit)


def tag_keys(conn: Connection, limit: int = 10_000) -> tuple[str, ...]:
    """Every key that some trace is tagged with, in order, at most `limit`."""
    return distinct(conn, "trace_tags", "key", "TRUE", (), limit)


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
    return distinct(conn, "trace_tags", "value COLLATE NOCASE", "key = ?", (key,), limit)
