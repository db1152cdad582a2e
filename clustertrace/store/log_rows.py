"""Log records as rows, and spans as they came before records changed theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clustertrace.conventions.log_homes import session_trace_id
from clustertrace.model import EMPTY, Log, Span, TraceFacts
from clustertrace.store.connection import Connection
from clustertrace.store.rows import json_text, json_value
from clustertrace.wire import span_from_dict, span_to_dict

__all__ = ["add", "came_anew", "keep", "log_row", "logs_of", "of_sessions", "unjoined"]

Row = tuple[Any, ...]
Key = tuple[Any, ...]
"""Trace id and span id, binary."""

_AT_ONCE: Final = 500
_COLUMNS: Final = "trace_id, turn, span_id, time_ns, name, scope, body, attributes"
_TURN: Final = 2


def log_row(log: Log, *, body: str | None, attributes: str | None) -> Row:
    """A row of `logs`; `body` and `attributes` are JSON of what may be stored of them."""
    told = (log.span_id, str(log.time_ns), log.name, log.scope, body, attributes)
    digest = hashlib.sha256("\0".join(text or "" for text in told).encode()).digest()
    return (
        bytes.fromhex(log.trace_id),
        digest[:8],
        None if log.turn is None else bytes.fromhex(log.turn),
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
    conn.many("INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)
    touched = {row[0] for row in rows}
    turns = sorted({row[_TURN] for row in rows if row[_TURN] is not None})
    for some in _parts(turns):
        sql = f"SELECT DISTINCT trace_id FROM logs WHERE turn IN ({_marks(some)})"
        touched.update(row[0] for row in conn.rows(sql, some))
    return touched


def of_sessions(conn: Connection, facts: Sequence[TraceFacts]) -> set[bytes]:
    """The traces that stand for these sessions as long as only their metrics are known."""
    ids = sorted(
        {
            bytes.fromhex(session_trace_id(fact.session_id))
            for fact in facts
            if fact.session_id is not None
        }
    )
    found: set[bytes] = set()
    for some in _parts(ids):
        sql = f"SELECT trace_id FROM traces WHERE trace_id IN ({_marks(some)})"
        found.update(row[0] for row in conn.rows(sql, some))
    return found


def logs_of(conn: Connection, trace_id: bytes) -> list[Log]:
    """The records of a trace, and those of its turns that name another trace or none."""
    rows = conn.rows(
        f"SELECT {_COLUMNS} FROM logs WHERE trace_id = ? OR turn IN "
        "(SELECT turn FROM logs WHERE trace_id = ? AND turn IS NOT NULL)",
        (trace_id, trace_id),
    )
    return [
        Log(
            row[0].hex(),
            None if row[2] is None else row[2].hex(),
            row[3],
            row[4],
            row[5],
            json_value(row[6]),
            json_value(row[7]) or EMPTY,
            None if row[1] is None else row[1].hex(),
        )
        for row in rows
    ]


def keep(conn: Connection, trace_id: bytes, spans: Mapping[bytes, Span | None]) -> None:
    """Remember spans as they came, or None: made of records; the first word on each stands."""
    conn.many(
        "INSERT INTO unjoined_spans VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (
                *(trace_id, span_id),
                came and json_text({**span_to_dict(came), "ordinal": came.ordinal}),
            )
            for span_id, came in spans.items()
        ],
    )


def came_anew(conn: Connection, keys: Sequence[Key]) -> None:
    """Better copies of these spans have come; what is remembered of the old ones goes."""
    conn.many("DELETE FROM unjoined_spans WHERE trace_id = ? AND span_id = ?", keys)


def unjoined(conn: Connection, keys: Sequence[Key]) -> dict[Key, Span | None]:
    """Those of these spans that records changed, as they came; None for one made of records."""
    found: dict[Key, Span | None] = {}
    for some in _parts(keys):
        marks = ", ".join(["(?, ?)"] * len(some))
        sql = f"SELECT * FROM unjoined_spans WHERE (trace_id, span_id) IN (VALUES {marks})"
        for row in conn.rows(sql, [part for key in some for part in key]):
            found[row[:2]] = None if row[2] is None else _span(row[0], row[2])
    return found


def _span(trace_id: bytes, record: str) -> Span:
    told = json_value(record)
    return span_from_dict(told, trace_id.hex(), told.pop("ordinal"))


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[begin : begin + _AT_ONCE] for begin in range(0, len(items), _AT_ONCE))


def _marks(items: Sequence[Any]) -> str:
    return ", ".join("?" * len(items))
