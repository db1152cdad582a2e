"""Puts in rows of spans, numbered for the text index, and takes them out of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.keyed import SpanKey
from clustertrace.store.rows import COLUMNS, SEQ

__all__ = ["insert", "remove"]

Row = tuple[Any, ...]
"""A row of `spans`."""

_INSERT_SPAN: Final = f"INSERT INTO spans VALUES ({placeholders(COLUMNS)})"


def remove(conn: Connection, keys: Sequence[SpanKey]) -> None:
    """Take spans out, and out of the text index."""
    if keys:
        conn.texts.forget(conn, keys)
        conn.many("DELETE FROM spans WHERE trace_id = ? AND span_id = ?", keys)


def insert(conn: Connection, rows: Sequence[Row]) -> int | None:
    """Put in rows that are not there, or no longer; the first of their sequence numbers."""
    numbers = conn.numbers(len(rows))
    conn.many(
        _INSERT_SPAN,
        ((*row[:SEQ], number, *row[SEQ + 1 :]) for number, row in zip(numbers, rows, strict=True)),
    )
    return numbers[0] if numbers else None
