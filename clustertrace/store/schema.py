"""Bringing a database to the newest schema, or saying why not."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from clustertrace.errors import StoreCorrupt, StoreTooNew
from clustertrace.store.connection import Connection
from clustertrace.store.migrations import HEAD

__all__ = ["ensure"]


def ensure(conn: Connection) -> None:
    """Make or migrate the schema if it is not the newest.

    Raises StoreTooNew if a newer clustertrace made the database, StoreCorrupt if it is none.
    """
    revision = _revision(conn)
    if revision == HEAD:
        return
    if revision is None and conn.value("SELECT count(*) FROM sqlite_master"):
        raise StoreCorrupt(
            f"{conn.path} is a database of another program; choose another file with "
            "CLUSTERTRACE_DB."
        )
    if revision is not None and revision > HEAD:
        raise StoreTooNew(
            f"{conn.path} was made by a newer clustertrace (schema {revision}, this one knows "
            f"{HEAD}); upgrade with: pip install -U clustertrace."
        )
    _upgrade(conn.path)


def _revision(conn: Connection) -> str | None:
    if not conn.value("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"):
        return None
    found = conn.value("SELECT version_num FROM alembic_version")
    return None if found is None else str(found)


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
