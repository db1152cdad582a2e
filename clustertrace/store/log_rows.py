"""Log records as rows, and which traces they may change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

from clustertrace.joining.belonging import LATE_NS, Host
from clustertrace.model import EMPTY, Log, TraceFacts
from clustertrace.store.connection import Connection
from clustertrace.store.rows import json_value

__all__ = ["add", "hosts", "log_row", "logs_of", "of_sessions", "with_logs"]

Row = tuple[Any, ...]
"""A row of `logs`."""

_AT_ONCE: Final = 500
_INSERT: Final = f"INSERT INTO logs VALUES ({', '.join('?' * 10)}) ON CONFLICT DO NOTHING"
_COLUMNS: Final = "trace_id, turn, session_id, span_id, time_ns, name, scope, body, attributes"


def log_row(log: Log, *, body: str | None, attributes: str | None) -> Row:
    """A row of `logs`; `body` and `attributes` are JSON of what may be stored of them."""
    told = (log.span_id, str(log.time_ns), log.name, log.scope, body, attributes)
    digest = hashlib.sha256("\0".join(text or "" for text in told).encode()).digest()
    return (
        bytes.fromhex(log.trace_id),
        digest[:8],
        None if log.turn is None else bytes.fromhex(log.turn),
        log.session_id,
        None if log.span_id is None else bytes.fromhex(log.span_id),
        log.time_ns,
        log.name,
        log.scope,
        body,
        attributes,
    )


def add(conn: Connection, rows: Sequence[Row]) -> set[bytes]:
    """Store records; the ids of the traces that they may change."""
    if not rows:
        return set()
    conn.many(_INSERT, rows)
    touched = {row[0] for row in rows}
    for some in _parts({row[2] for row in rows if row[2] is not None}):
        sql = f"SELECT DISTINCT trace_id FROM logs WHERE turn IN ({_marks(some)})"
        touched.update(row[0] for row in conn.rows(sql, some))
    for session in {row[3] for row in rows if row[3] is not None}:
        times = [row[5] for row in rows if row[3] == session]
        sql = "SELECT trace_id FROM traces WHERE session_id = ? AND start_ns <= ? AND end_ns >= ?"
        found = conn.rows(sql, (session, max(times), min(times) - LATE_NS))
        touched.update(row[0] for row in found)
    return touched


def of_sessions(conn: Connection, facts: Sequence[TraceFacts]) -> set[bytes]:
    """The traces made of records of these sessions, which may belong to spans that came now."""
    found: set[bytes] = set()
    for some in _parts({fact.session_id for fact in facts if fact.session_id is not None}):
        sql = f"SELECT DISTINCT trace_id FROM logs WHERE session_id IN ({_marks(some)})"
        found.update(row[0] for row in conn.rows(sql, some))
    return found


def with_logs(conn: Connection, trace_ids: Sequence[bytes]) -> list[bytes]:
    """Those of these traces that records may change."""
    sql = (
        f"SELECT trace_id FROM logs WHERE trace_id IN ({_marks(trace_ids)}) UNION "
        "SELECT t.trace_id FROM traces t JOIN logs l ON l.session_id = t.session_id"
        f" WHERE t.trace_id IN ({_marks(trace_ids)}) AND l.turn IS NOT NULL"
    )
    return [row[0] for row in conn.rows(sql, (*trace_ids, *trace_ids))]


def logs_of(conn: Connection, trace_id: bytes, session_id: str | None) -> list[Log]:
    """The records of a trace, of its turns, and those of its session that name no trace."""
    rows = conn.rows(
        f"SELECT {_COLUMNS} FROM logs WHERE trace_id = ? OR session_id = ? OR turn IN "
        "(SELECT turn FROM logs WHERE trace_id = ? AND turn IS NOT NULL)",
        (trace_id, session_id, trace_id),
    )
    return [
        Log(
            row[0].hex(),
            None if row[3] is None else row[3].hex(),
            row[4],
            row[5],
            row[6],
            json_value(row[7]),
            json_value(row[8]) or EMPTY,
            None if row[1] is None else row[1].hex(),
            row[2],
        )
        for row in rows
    ]


def hosts(conn: Connection, session_id: str) -> list[Host]:
    """The traces of a session that spans came of, and when these ran."""
    rows = conn.rows(
        "SELECT s.trace_id, min(s.start_ns), max(coalesce(s.end_ns, s.start_ns)) FROM spans s"
        " WHERE s.trace_id IN (SELECT trace_id FROM traces WHERE session_id = ?)"
        " AND NOT EXISTS (SELECT 1 FROM unjoined_spans u WHERE u.trace_id = s.trace_id"
        " AND u.span_id = s.span_id AND u.record IS NULL) GROUP BY s.trace_id",
        (session_id,),
    )
    return [Host(row[0].hex(), row[1], row[2]) for row in rows]


def _parts(items: set[Any]) -> Iterator[list[Any]]:
    ordered = sorted(items)
    return (ordered[begin : begin + _AT_ONCE] for begin in range(0, len(ordered), _AT_ONCE))


def _marks(items: Sequence[Any]) -> str:
    return ", ".join("?" * len(items))
