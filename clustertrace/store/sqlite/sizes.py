"""How much the tables of a file hold, and what that takes on the disk."""

from __future__ import annotations

from collections import Counter

from clustertrace.errors import StoreError
from clustertrace.store.connection import TEXT_INDEX, Connection, TableSize

__all__ = ["table_sizes"]

_OWNED = (
    "SELECT name, tbl_name FROM sqlite_master WHERE type IN ('table', 'index')"
    " AND name NOT LIKE 'sqlite_stat%'"
)
_PAGES = "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE"
"""Reads every page of the file (https://www.sqlite.org/dbstat.html)."""


def table_sizes(conn: Connection) -> list[TableSize]:
    """Every table, by name; those of the text index together."""
    owned: dict[str, str] = dict(conn.rows(_OWNED))
    taken = _bytes(conn)
    tables: Counter[str] = Counter()
    indexes: Counter[str] = Counter()
    for name, table in owned.items():
        kind = tables if name == table else indexes
        kind[TEXT_INDEX if table.startswith(TEXT_INDEX) else table] += taken.get(name, 0)
    return [
        TableSize(
            name,
            _rows(conn, name),
            tables[name] if taken else None,
            indexes[name] if taken else None,
            estimated=False,
        )
        for name in sorted(tables)
    ]


def _rows(conn: Connection, table: str) -> int:
    if table == TEXT_INDEX:
        done = conn.texts.position(conn)
        return conn.value("SELECT count(*) FROM spans WHERE seq <= ?", (done,)) or 0
    return conn.value(f"SELECT count(*) FROM {table}") or 0


def _bytes(conn: Connection) -> dict[str, int]:
    """What each table and index takes; nothing where SQLite was built without the means to tell."""
    try:
        return dict(conn.rows(_PAGES))
    except StoreError:
        return {}
