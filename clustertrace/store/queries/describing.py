"""What a database is: its engine and schema, what its tables hold, and how far its index is."""

from __future__ import annotations

from dataclasses import dataclass

from clustertrace.store.connection import Connection, TableSize
from clustertrace.store.migrations.revisions import revision

__all__ = ["Description", "description", "is_unfinished"]

_MIGRATION_TABLE = "alembic_version"


@dataclass(frozen=True, slots=True)
class Description:
    """A database as it is now."""

    database: str
    """Its path, or its URL without the password."""
    engine: str
    schema: str | None
    """The revision of its schema."""
    bytes: int
    """On the disk, with what is free in it."""
    oldest_ns: int | None
    """When the oldest run began, nanoseconds since 1970; None: there is none."""
    newest_ns: int | None
    unindexed: int
    """Spans that are stored but not in the text index yet."""
    copy_unfinished: bool
    """Whether it is becoming a copy of another database, and is none yet."""
    tables: tuple[TableSize, ...]
    """By name; the text index as one, with its spans as rows."""


def description(conn: Connection) -> Description:
    """Describe a database; on SQLite this reads every page, and counts every row."""
    return Description(
        database=conn.name,
        engine=conn.engine(),
        schema=revision(conn),
        bytes=conn.size_bytes(),
        # Each alone is one look into an index.
        oldest_ns=conn.value("SELECT min(start_ns) FROM traces"),
        newest_ns=conn.value("SELECT max(start_ns) FROM traces"),
        unindexed=conn.texts.behind(conn),
        copy_unfinished=is_unfinished(conn),
        tables=tuple(table for table in conn.table_sizes() if table.name != _MIGRATION_TABLE),
    )


def is_unfinished(conn: Connection) -> bool:
    """Whether this database is becoming a copy of another one, and is none yet."""
    return conn.value("SELECT 1 FROM copies WHERE digest IS NULL LIMIT 1") is not None
