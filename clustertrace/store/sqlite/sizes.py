"""How many rows the tables of a file have, and what they take on the disk."""

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
    """The sizes of all tables, by name; those of the text index are added up."""
    table_of: dict[str, str] = dict(conn.rows(_OWNED))
    bytes_by_name = _bytes_by_name(conn)
    tables: Counter[str] = Counter()
    indexes: Counter[str] = Counter()
    for name, table in table_of.items():
        sizes = tables if name == table else indexes
        sizes[TEXT_INDEX if table.startswith(TEXT_INDEX) else table] += bytes_by_name.get(name, 0)
    return [
        TableSize(
            name,
            _rows(conn, name),
            tables[name] if bytes_by_name else None,
            indexes[name] if bytes_by_name else None,
            estimated=False,
        )
        for name in sorted(tables)
    ]


def _rows(conn: Connection, table: str) -> int:
    if table == TEXT_INDEX:
        indexed_to = conn.texts.position(conn)
        return conn.value("SELECT count(*) FROM spans WHERE seq <= ?", (indexed_to,)) or 0
    return conn.value(f"SELECT count(*) FROM {table}") or 0


def _bytes_by_name(conn: Connection) -> dict[str, int]:
    """Bytes of each table and index; empty if this build of SQLite lacks dbstat."""
    try:
        return dict(conn.rows(_PAGES))
    except StoreError:
        return {}
