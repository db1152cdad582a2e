"""Puts rows of spans in their places, numbered for the text index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from clustertrace.store import text_index
from clustertrace.store.connection import Connection
from clustertrace.store.rows import SEQ

__all__ = ["next_number", "place", "remove"]

Row = tuple[Any, ...]
"""A row of `spans`."""
Key = tuple[Any, ...]
"""Trace id and span id, binary."""

_INSERT: Final = f"INSERT INTO spans VALUES ({', '.join('?' * 29)})"


def remove(conn: Connection, keys: Sequence[Key]) -> None:
    """Take spans out, and out of the text index."""
    if keys:
        text_index.forget(conn, keys)
        conn.many("DELETE FROM spans WHERE trace_id = ? AND span_id = ?", keys)


def next_number(conn: Connection) -> int:
    """The sequence number of the next span: beyond all that are stored or indexed."""
    return max(conn.value("SELECT max(seq) FROM spans") or 0, text_index.position(conn)) + 1


def place(conn: Connection, rows: Iterable[Row]) -> int:
    """Put in rows that are not there, or no longer; the sequence number of the first."""
    first = next_number(conn)
    conn.many(
        _INSERT, ((*row[:SEQ], number, *row[SEQ + 1 :]) for number, row in enumerate(rows, first))
    )
    return first
