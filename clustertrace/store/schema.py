"""Bringing a database to the newest schema, or saying why not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from clustertrace.errors import StoreCorrupt, StoreError, StoreTooNew
from clustertrace.store.connection import Connection, readable
from clustertrace.store.migrations import HEAD

__all__ = ["ensure", "refuse_newer", "version"]

_SMALLEST: Final = 512
"""Bytes of the smallest database that SQLite makes."""


def ensure(conn: Connection) -> None:
    """Make or migrate the schema if it is not the newest.

    Raises StoreTooNew if a newer clustertrace made the database, StoreCorrupt if it is none.
    """
    _check_size(conn.path)
    revision = _revision(conn)
    if revision is None and conn.value("SELECT count(*) FROM sqlite_master"):
        raise StoreCorrupt(
            f"{conn.path} is a database of another program; choose another file with "
            "CLUSTERTRACE_DB."
        )
    refuse_newer(conn)
    if revision is None:
        # Lets `vacuum` give space back in small steps; it can't be changed once there are tables.
        conn.run("PRAGMA auto_vacuum = INCREMENTAL")
    # Only now that the file is known to be ours: this changes its header.
    conn.run("PRAGMA journal_mode = WAL")
    if revision is not None and revision != HEAD:
        _back_up(conn, revision)
    if revision != HEAD:
        _upgrade(conn.path)


def version(conn: Connection) -> int:
    """A number that SQLite changes with every change of the schema, whoever makes it."""
    return int(conn.value("PRAGMA schema_version"))


def refuse_newer(conn: Connection) -> None:
    """Raise StoreTooNew if a newer clustertrace made or migrated the database."""
    revision = _revision(conn)
    if revision is not None and revision > HEAD:
        raise StoreTooNew(
            f"{conn.path} was made by a newer clustertrace (schema {revision}, this one knows "
            f"{HEAD}); upgrade with: pip install -U clustertrace."
        )


def _check_size(path: Path) -> None:
    """SQLite takes a file of a few bytes for an empty database and would write over it.

    The file is not opened to look into it: closing it again would drop every lock that this process
    holds on it (POSIX), and the next program to leave would delete the log that we write to.
    """
    if 0 < path.stat().st_size < _SMALLEST:
        raise StoreCorrupt(
            f"{path} is no database and was left as it is; choose another file with "
            "CLUSTERTRACE_DB."
        )


def _revision(conn: Connection) -> str | None:
    if not conn.value("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"):
        return None
    found = conn.value("SELECT version_num FROM alembic_version")
    return None if found is None else str(found)


def _back_up(conn: Connection, revision: str) -> None:
    """Keep the database as it is beside it, for the older program, before it is migrated."""
    kept = conn.path.with_name(f"{conn.path.name}.schema-{revision}")
    making = kept.with_name(f"{kept.name}.new")
    if kept.exists():
        return
    try:
        making.unlink(missing_ok=True)
        making.touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"{kept} can't be made ({error.strerror or error}), and without that copy the "
            "database is not migrated; give yourself the right to write there."
        ) from None
    with readable(making), closing(sqlite3.connect(making)) as copy:
        conn.raw.backup(copy)
    making.rename(kept)


def _upgrade(path: Path) -> None:
    """Run the missing revisions in one transaction; two processes that start at once take turns."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, event

    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _own_transactions(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # else the driver commits before each CREATE

    @event.listens_for(engine, "begin")
    def _begin(bound: object) -> None:
        bound.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    try:
        with engine.begin() as bound:
            config.attributes["connection"] = bound
            command.upgrade(config, "head")
    finally:
        engine.dispose()
