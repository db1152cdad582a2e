"""Log records as rows, and which traces they may change."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from clustertrace.joining.belonging import LATE_NS, Host
from clustertrace.model import EMPTY, Log, TraceFacts
from clustertrace.store.chunks import IDS_A_QUERY, chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import json_value
from clustertrace.wire import MAX_NS

__all__ = ["add", "count", "hosts", "log_row", "logs_of", "of_sessions", "turns_of", "with_logs"]

Row = tuple[Any, ...]
"""A row of `logs`."""

_INSERT: Final = f"INSERT INTO logs VALUES ({', '.join('?' * 11)}) ON CONFLICT DO NOTHING"
_COLUMNS: Final = (
    "trace_id, log_id, ordinal, turn, session_id, span_id, time_ns, name, scope, body, attributes"
)

MOST: Final = 5_000
"""Records of a trace that are looked at; agents' and GenAI's before any others."""

MOST_BYTES: Final = 8_000_000
"""And characters of their texts."""


def log_row(log: Log, *, body: str | None, attributes: str | None) -> Row:
    """A row of `logs`; `body` and `attributes` are JSON of what may be stored of them."""
    texts = (log.span_id, str(log.time_ns), log.name, log.scope, body, attributes)
    digest = hashlib.sha256("\0".join(text or "" for text in texts).encode()).digest()
    return (
        bytes.fromhex(log.trace_id),
        bytes((_priority(log),)) + digest[:8],
        log.ordinal,
        None if log.turn is None else bytes.fromhex(log.turn),
        log.session_id,
        None if log.span_id is None else bytes.fromhex(log.span_id),
        log.time_ns,
        log.name,
        log.scope,
        body,
        attributes,
    )


def _priority(log: Log) -> int:
    """When its turn comes where a trace has more records than are looked at."""
    if not log.name:
        return 2
    return 1 if log.name.endswith("_body") else 0


def add(conn: Connection, rows: Sequence[Row]) -> set[bytes]:
    """Store records; the ids of the traces that they may change."""
    if not rows:
        return set()
    conn.many(_INSERT, rows)
    touched = {row[0] for row in rows}
    for chunk in chunks(turns_of(rows)):
        sql = f"SELECT DISTINCT trace_id FROM logs WHERE turn IN ({placeholders(chunk)})"
        touched.update(row[0] for row in conn.rows(sql, chunk))
    for session in {row[4] for row in rows if row[4] is not None}:
        times = [row[6] for row in rows if row[4] == session]
        sql = "SELECT trace_id FROM traces WHERE session_id = ? AND start_ns <= ? AND end_ns >= ?"
        overlapping = conn.rows(sql, (session, max(times), min(times) - LATE_NS))
        touched.update(row[0] for row in overlapping)
    return touched


def turns_of(rows: Sequence[Row]) -> list[bytes]:
    """What these records name to be joined by."""
    return sorted({row[3] for row in rows if row[3] is not None})


def of_sessions(conn: Connection, facts: Sequence[TraceFacts]) -> set[bytes]:
    """The traces made of records of these sessions, which may belong to spans that came now."""
    trace_ids: set[bytes] = set()
    sessions = {fact.session_id for fact in facts if fact.session_id is not None}
    for chunk in chunks(sorted(sessions)):
        sql = f"SELECT DISTINCT trace_id FROM logs WHERE session_id IN ({placeholders(chunk)})"
        trace_ids.update(row[0] for row in conn.rows(sql, chunk))
    return trace_ids


def with_logs(conn: Connection, trace_ids: Sequence[bytes]) -> list[bytes]:
    """Those of these traces that records may change."""
    sql = (
        f"SELECT trace_id FROM logs WHERE trace_id IN ({placeholders(trace_ids)}) UNION "
        "SELECT t.trace_id FROM traces t JOIN logs l ON l.session_id = t.session_id"
        f" WHERE t.trace_id IN ({placeholders(trace_ids)}) AND l.turn IS NOT NULL"
    )
    return [row[0] for row in conn.rows(sql, (*trace_ids, *trace_ids))]


def count(conn: Connection, trace_id: bytes) -> int:
    """How many records of a trace will be looked at."""
    sql = "SELECT count(*) FROM (SELECT 1 FROM logs WHERE trace_id = ? LIMIT ?)"
    return int(conn.value(sql, (trace_id, MOST)))


def logs_of(
    conn: Connection, trace_id: bytes, session_id: str | None, times: tuple[int, int] | None
) -> tuple[list[Log], int]:
    """The records that may belong to a trace, and how many more it has than are looked at.

    They are its own, those of its turns, and those of its session that name no trace and fall into
    `times`, in which its spans ran.
    """
    rows, left_out = _own_rows(conn, trace_id)
    sql = f"SELECT {_COLUMNS} FROM logs WHERE trace_id <> ? AND turn = ? LIMIT ?"
    for turn in turns_of(rows):
        rows += conn.rows(sql, (trace_id, turn, MOST))
    if session_id is not None and times is not None:
        sql = (
            f"SELECT {_COLUMNS} FROM logs WHERE session_id = ? AND time_ns BETWEEN ? AND ?"
            " AND turn IS NOT NULL LIMIT ?"
        )
        rows += conn.rows(sql, (session_id, times[0], min(times[1] + LATE_NS, MAX_NS), MOST))
    distinct_rows = {row[:2]: row for row in rows}
    return [_log_of_row(row) for _, row in sorted(distinct_rows.items())], left_out


def _own_rows(conn: Connection, trace_id: bytes) -> tuple[list[Row], int]:
    rows: list[Row] = []
    size, after = 0, b""
    sql = f"SELECT {_COLUMNS} FROM logs WHERE trace_id = ? AND log_id > ? ORDER BY log_id LIMIT ?"
    while part := conn.rows(sql, (trace_id, after, IDS_A_QUERY)):
        rows += part
        size += sum(len(row[9] or "") + len(row[10] or "") for row in part)
        if len(rows) >= MOST or size >= MOST_BYTES:
            total = conn.value("SELECT count(*) FROM logs WHERE trace_id = ?", (trace_id,))
            return rows, int(total) - len(rows)
        after = part[-1][1]
    return rows, 0


def _log_of_row(row: Row) -> Log:
    return Log(
        row[0].hex(),
        None if row[5] is None else row[5].hex(),
        row[6],
        row[7],
        row[8],
        json_value(row[9]),
        json_value(row[10]) or EMPTY,
        None if row[3] is None else row[3].hex(),
        row[4],
        row[2],
    )


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
