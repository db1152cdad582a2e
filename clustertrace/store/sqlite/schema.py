"""Bring a file to the newest schema, or raise an error that says why not."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from clustertrace.errors import StoreCorrupt, StoreError
from clustertrace.store import deletion_heartbeat
from clustertrace.store.migrations.revisions import HEAD, refuse_newer, revision, upgrade
from clustertrace.store.sqlite.connection import SqliteConnection, connect, readable

__all__ = ["opened"]

_LOG: Final = logging.getLogger("clustertrace")

_SMALLEST: Final = 512
"""Bytes of the smallest SQLite database."""

_FULL: Final = 1
"""The mode of `auto_vacuum` in which each transaction returns the pages that it frees."""


def opened(path: Path) -> SqliteConnection:
    """Open the database in a file, which is created or migrated as needed.

    Raises StoreError, StoreCorrupt if the file is not one of our databases, or StoreTooNew.
    """
    _make_file(path)
    conn = connect(path)
    try:
        _ensure(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def _make_file(path: Path) -> None:
    """Create the file if it is missing; an existing one may belong to another user."""
    try:
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path} can't be created ({error.strerror or error}); choose another place with "
            "CLUSTERTRACE_DB."
        ) from None


def _ensure(conn: SqliteConnection) -> None:
    _check_size(conn.path)
    current = revision(conn)
    if current is None and conn.value("SELECT count(*) FROM sqlite_master"):
        raise StoreCorrupt(
            f"{conn.path} is a database of another program; choose another file with "
            "CLUSTERTRACE_DB."
        )
    refuse_newer(conn)
    if current is None:
        # Allows returning space in small steps; can't be enabled once there are tables.
        conn.run("PRAGMA auto_vacuum = INCREMENTAL")
    elif conn.pragma("auto_vacuum") == _FULL and not deletion_heartbeat.is_alive(conn):
        # A deletion was interrupted before it could reset this (store.sqlite.shortening).
        conn.run("PRAGMA auto_vacuum = INCREMENTAL")
    # Only now that the file is known to be ours, as this changes its header.
    conn.run("PRAGMA journal_mode = WAL")
    if current is not None and current != HEAD:
        _back_up(conn, current)
    if current != HEAD:
        _upgrade(conn.path)


def _check_size(path: Path) -> None:
    """Refuse a file of a few bytes, which SQLite takes for an empty database and would overwrite.

    The file is not opened for this: closing it again would drop every lock that this process
    holds on it (POSIX), and the next program to exit would delete the log that we write to.
    """
    if 0 < path.stat().st_size < _SMALLEST:
        raise StoreCorrupt(
            f"{path} is not a database and was left as it is; choose another file with "
            "CLUSTERTRACE_DB."
        )


def _back_up(conn: SqliteConnection, current: str) -> None:
    """Copy the database before it is migrated, for the older program."""
    backup = conn.path.with_name(f"{conn.path.name}.schema-{current}")
    unfinished = backup.with_name(f"{backup.name}.new")
    if backup.exists():
        return
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"{backup} can't be created ({error.strerror or error}), and without that copy the "
            "database is not migrated; give yourself permission to write there."
        ) from None
    try:
        with readable(unfinished), closing(sqlite3.connect(unfinished)) as copy:
            conn.raw.backup(copy)
    except StoreError:
        # The unfinished copy would only take up the space that is left.
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.rename(backup)
    _LOG.warning(
        "%s is upgraded to schema %s, which may take a minute. The older version's database is "
        "kept as %s; delete that once you no longer need it.",
        conn.path,
        HEAD,
        backup.name,
    )


def _upgrade(path: Path) -> None:
    """Run the missing revisions in one transaction; two processes that start at once take turns."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import DBAPIError

    engine = create_engine(f"sqlite:///{path}")

    @event.listens_for(engine, "connect")
    def _own_transactions(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # else the driver commits before each CREATE

    try:
        upgrade(engine, "BEGIN IMMEDIATE")
    except DBAPIError as error:
        with readable(path):
            raise error.orig or error from None
