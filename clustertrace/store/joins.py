"""Puts what records say into the rows of their spans, as often as there is news of either.

Joining (clustertrace.joining) always begins with the spans as they came, which are kept beside
those that it changed: so the order of arrival decides nothing, and doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from clustertrace.joining import joined, usage
from clustertrace.model import Log
from clustertrace.pricing import price_span, unpriced
from clustertrace.store import log_rows
from clustertrace.store.connection import Connection
from clustertrace.store.intake import policy
from clustertrace.store.placing import place, remove
from clustertrace.store.rows import SPAN_COLUMNS, span_of_row, span_row

__all__ = ["join"]


def join(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Join those of these traces that have records, in the caller's transaction."""
    marks = ", ".join("?" * len(trace_ids))
    sql = f"SELECT DISTINCT trace_id FROM logs WHERE trace_id IN ({marks})"
    for (trace_id,) in conn.rows(sql, trace_ids):
        _join(conn, trace_id)


def _join(conn: Connection, trace_id: bytes) -> None:
    sql = f"SELECT {SPAN_COLUMNS}, origin FROM spans WHERE trace_id = ?"
    found = conn.rows(sql, (trace_id,))
    stored = {row[1]: span_row(span_of_row(row), row[-1]) for row in found}
    now = {row[1]: span_of_row(row) for row in found}
    before = log_rows.unjoined(conn, [(trace_id, span_id) for span_id in now])
    came = {
        span_id: whole
        for span_id, span in now.items()
        if (whole := before.get((trace_id, span_id), span)) is not None
    }
    changes = joined(trace_id.hex(), list(came.values()), _records(conn, trace_id))
    wanted = {bytes.fromhex(span.span_id): span for span in changes}
    log_rows.keep(conn, trace_id, {span_id: came.get(span_id) for span_id in wanted})
    for (_, span_id), whole in before.items():
        if whole is not None:
            wanted.setdefault(span_id, whole)
    allowed = policy()
    origins = {row[1]: row[-1] for row in found}
    rows = [
        row
        for span_id, span in wanted.items()
        # Prices may have changed since it came.
        if (row := allowed.row(price_span(unpriced(span)), origins.get(span_id)))
        != stored.get(span_id)
    ]
    gone = [key for key, whole in before.items() if whole is None and key[1] not in wanted]
    log_rows.came_anew(conn, gone)
    remove(conn, [*gone, *(row[:2] for row in rows if row[1] in now)])
    if rows:
        place(conn, rows)


def _records(conn: Connection, trace_id: bytes) -> list[Log]:
    """The records that count: points of metrics do while nothing else is known of the session."""
    logs = log_rows.logs_of(conn, trace_id)
    if not any(usage.is_point(log) for log in logs):
        return logs
    session = conn.value("SELECT session_id FROM traces WHERE trace_id = ?", (trace_id,))
    others = "SELECT 1 FROM traces WHERE session_id = ? AND trace_id <> ? LIMIT 1"
    return [] if conn.value(others, (session, trace_id)) else logs
