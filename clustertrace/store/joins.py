"""Puts what records say into the rows of their spans, as often as there is news of either.

Joining (clustertrace.joining) always begins with the spans as they came, which are kept beside
those that it changed: so the order of arrival decides nothing, and doing it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from clustertrace.joining import joined, usage
from clustertrace.joining.belonging import Host
from clustertrace.model import Log
from clustertrace.pricing import price_span, unpriced
from clustertrace.store import log_rows
from clustertrace.store.connection import Connection
from clustertrace.store.intake import policy
from clustertrace.store.placing import place, remove
from clustertrace.store.rows import SPAN_COLUMNS, span_of_row, span_row
from clustertrace.store.unjoined import forget, keep, unjoined

__all__ = ["join"]


def join(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Join those of these traces that have records, in the caller's transaction."""
    for trace_id in log_rows.with_logs(conn, trace_ids):
        _join(conn, trace_id)


def _join(conn: Connection, trace_id: bytes) -> None:
    sql = f"SELECT {SPAN_COLUMNS}, origin FROM spans WHERE trace_id = ?"
    found = conn.rows(sql, (trace_id,))
    stored = {row[1]: span_row(span_of_row(row), row[-1]) for row in found}
    now = {row[1]: span_of_row(row) for row in found}
    before = unjoined(conn, [(trace_id, span_id) for span_id in now])
    came = {
        span_id: whole
        for span_id, span in now.items()
        if (whole := before.get((trace_id, span_id), span)) is not None
    }
    changes = joined(trace_id.hex(), list(came.values()), *_records(conn, trace_id))
    wanted = {bytes.fromhex(span.span_id): span for span in changes}
    keep(conn, trace_id, {span_id: came.get(span_id) for span_id in wanted})
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
    forget(conn, gone)
    remove(conn, [*gone, *(row[:2] for row in rows if row[1] in now)])
    if rows:
        place(conn, rows)


def _records(conn: Connection, trace_id: bytes) -> tuple[list[Log], list[Host]]:
    """The records that count for a trace, and where those of its session may belong."""
    session = conn.value("SELECT session_id FROM traces WHERE trace_id = ?", (trace_id,))
    logs = log_rows.logs_of(conn, trace_id, session)
    hosts = []
    if session is not None and any(log.session_id and log.turn for log in logs):
        hosts = log_rows.hosts(conn, session)
    if any(usage.is_point(log) for log in logs):
        others = "SELECT 1 FROM traces WHERE session_id = ? AND trace_id <> ? LIMIT 1"
        if conn.value(others, (session, trace_id)):
            # More is known of the session than its metrics, which repeat it.
            logs = [log for log in logs if not usage.is_point(log)]
    return logs, hosts
