"""Bringing a file to the newest schema, or saying why not."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from clustertrace.errors import StoreCorrupt, StoreError
from clustertrace.store.going_on import is_going_on
from clustertrace.store.migrations.revisions import HEAD, refuse_newer, revision, upgrade
from clustertrace.store.sqlite.connection import SqliteConnection, connect, readable

__all__ = ["opened"]

_LOG: Final = logging.getLogger("clustertrace")

_SMALLEST: Final = 512
"""Bytes of the smallest database that SQLite makes."""

_FULL: Final = 1
"""The mode of `auto_vacuum` in which each transaction gives back what it frees."""


def opened(path: Path) -> SqliteConnection:
    """A connection to the database in a file, which is made or migrated as needed.

    Raises StoreError, StoreCorrupt if the file is no database of ours, or StoreTooNew.
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
    """Make the file where there is none; one that is there may be another user's."""
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
    found = revision(conn)
    if found is None and conn.value("SELECT count(*) FROM sqlite_master"):
        raise StoreCorrupt(
            f"{conn.path} is a database of another program; choose another file with "
            "CLUSTERTRACE_DB."
        )
    refuse_newer(conn)
    if found is None:
        # Lets `vacuum` give space back in small steps; it can't be changed once there are tables.
        conn.run("PRAGMA auto_vacuum = INCREMENTAL")
    elif conn.pragma("auto_vacuum") == _FULL and not is_going_on(conn, time.time_ns()):
        # A deletion was broken off that could not say so (store.sqlite.shortening).
        conn.run("PRAGMA auto_vacuum = INCREMENTAL")
    # Only now that the file is known to be ours: this changes its header.
    conn.run("PRAGMA journal_mode = WAL")
    if found is not None and found != HEAD:
        _back_up(conn, found)
    if found != HEAD:
        _upgrade(conn.path)


def _check_size(path: Path) -> None:
    """SQLite takes a file of a few bytes for an empty database and would write over it.

    The file is not opened to look into it: closing it again would drop every lock that this process
    holds on it (POSIX), and the next program to leave would delete the log that we write to.
    """
    if 0 < path.stat().st_size < _SMALLEST:
        raise StoreCorrupt(
            f"{path} is not a database and was left as it is; choose another file with "
            "CLUSTERTRACE_DB."
        )


def _back_up(conn: SqliteConnection, found: str) -> None:
    """Keep the database as it is beside it, for the older program, before it is migrated."""
    kept = conn.path.with_name(f"{conn.path.name}.schema-{found}")
    making = kept.with_name(f"{kept.name}.new")
    if kept.exists():
        return
    try:
        making.unlink(missing_ok=True)
        making.touch(mode=0o600)
    except OSError as error:
        raise StoreError(
            f"{kept} can't be created ({error.strerror or error}), and without that copy the "
            "database is not migrated; give yourself permission to write there."
        ) from None
    try:
        with readable(making), closing(sqlite3.connect(making)) as copy:
            conn.raw.backup(copy)
    except StoreError:
        # What there was no room for would only take what room there is.
        making.unlink(missing_ok=True)
        raise
    making.rename(kept)
    _LOG.warning(
        "%s is upgraded to schema %s, which may take a minute. The older version's database is "
        "kept as %s; delete that once you no longer need it.",
        *(conn.path, HEAD, kept.name),
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
