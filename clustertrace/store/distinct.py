"""The distinct texts of a column that has few of them in many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clustertrace.store.connection import Connection

__all__ = ["distinct", "models_called"]


def models_called(conn: Connection, limit: int = 100) -> tuple[str, ...]:
    """The models that were called, in order, at most `limit`; case tells none apart."""
    return distinct(conn, "spans", "model COLLATE NOCASE", "kind = 'llm'", (), limit)


def distinct(
    conn: Connection, table: str, column: str, condition: str, params: Sequence[Any], limit: int
) -> tuple[str, ...]:
    """The texts that a column has in some rows, in order, at most `limit`.

    One seek in an index a text: DISTINCT would read an entry a row.
    """
    values: list[str] = []
    operator, last = ">=", ""
    while len(values) < limit:
        value = conn.value(
            f"SELECT {column} FROM {table} WHERE {condition} AND {column} {operator} ?"
            f" ORDER BY {column} LIMIT 1",
            (*params, last),
        )
        if value is None:
            break
        values.append(value)
        operator, last = ">", value
    return tuple(values)
