"""Taking traces out again, with all that followed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.store import text_index
from clustertrace.store.connection import Connection
from clustertrace.store.settling import settle_traces
from clustertrace.store.twins import forget_twins

__all__ = ["TABLES", "remove_traces"]

_OF_A_TRACE: Final = ("spans", "unjoined_spans", "logs", "trace_tags", "trace_metrics")
_DERIVED: Final = ("prompts", "trace_traits", "trace_spending", "traces")

TABLES: Final = _OF_A_TRACE + _DERIVED
"""Every table with rows of traces."""


def remove_traces(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Remove these traces in the caller's transaction: rows, index entries, roll-ups.

    A few hundred at once: each is a parameter of every statement.
    """
    marks = ", ".join("?" * len(trace_ids))
    text_index.forget_traces(conn, trace_ids)
    forget_twins(conn, trace_ids)
    for table in _OF_A_TRACE:
        conn.run(f"DELETE FROM {table} WHERE trace_id IN ({marks})", trace_ids)
    # A trace without spans adds nothing, so settling takes it out of the roll-ups.
    settle_traces(conn, trace_ids)
    for table in _DERIVED:
        conn.run(f"DELETE FROM {table} WHERE trace_id IN ({marks})", trace_ids)
