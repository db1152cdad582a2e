"""Deleting traces, with everything that was derived from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.settling import spending
from clustertrace.store.settling.rollups import Rollups
from clustertrace.store.writing import span_rows
from clustertrace.store.writing.twins import forget_twins

__all__ = ["TABLES", "remove_spans", "remove_traces"]

TABLES: Final = (
    *("spans", "unjoined_spans", "logs", "trace_tags", "trace_metrics", "news"),
    *("prompts", "trace_traits", "trace_spending", "traces"),
)
"""Every table with rows of traces."""


def remove_traces(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Remove these traces in the caller's transaction: rows, index entries, roll-ups.

    What they had added to the roll-ups is known, so none of them is looked at as a whole.
    """
    conn.take(trace_ids)
    conn.take_turns("roll-ups")
    rollups = Rollups()
    rollups.take_out(conn, trace_ids)
    spending.take_out(conn, trace_ids)
    for chunk in chunks(trace_ids):
        marks = placeholders(chunk)
        conn.texts.forget_traces(conn, chunk)
        forget_twins(conn, chunk)
        for table in TABLES:
            conn.run(f"DELETE FROM {table} WHERE trace_id IN ({marks})", chunk)
    rollups.apply(conn)


def remove_spans(conn: Connection, trace_id: bytes, limit: int) -> None:
    """Remove some spans of a trace that is going to be removed, in the caller's transaction.

    So that a long trace needs no long transaction.
    """
    rows = conn.rows("SELECT span_id FROM spans WHERE trace_id = ? LIMIT ?", (trace_id, limit))
    span_rows.remove(conn, [(trace_id, row[0]) for row in rows])
