"""Taking traces out again, with all that followed from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.store import placing
from clustertrace.store.connection import Connection
from clustertrace.store.settling import settle_traces

__all__ = ["remove_traces"]

_OF_A_TRACE: Final = ("unjoined_spans", "logs", "trace_tags", "trace_metrics", "trace_traits")


def remove_traces(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Remove these traces in the caller's transaction: rows, index entries, roll-ups."""
    for trace_id in trace_ids:
        keys = conn.rows("SELECT trace_id, span_id FROM spans WHERE trace_id = ?", (trace_id,))
        placing.remove(conn, keys)
        for table in _OF_A_TRACE:
            conn.run(f"DELETE FROM {table} WHERE trace_id = ?", (trace_id,))
    # A trace without spans adds nothing, so settling takes it out of the roll-ups.
    settle_traces(conn, trace_ids)
    conn.many("DELETE FROM traces WHERE trace_id = ?", [(trace_id,) for trace_id in trace_ids])
