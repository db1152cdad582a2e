"""Which schema a database has, and how it is brought to the newest one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clustertrace.errors import StoreTooNew
from clustertrace.store.connection import Connection
from clustertrace.store.migrations import HEAD

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["HEAD", "refuse_newer", "revision", "upgrade"]


def revision(conn: Connection) -> str | None:
    """The schema that the database has; None: none of ours."""
    if not conn.has_table("alembic_version"):
        return None
    found = conn.value("SELECT version_num FROM alembic_version")
    return None if found is None else str(found)


def refuse_newer(conn: Connection) -> None:
    """Raise StoreTooNew if a newer clustertrace made or migrated the database."""
    found = revision(conn)
    if found is not None and found > HEAD:
        raise StoreTooNew(
            f"{conn.name} was made by a newer clustertrace (schema {found}, this one knows "
            f"{HEAD}); upgrade with: pip install -U clustertrace."
        )


def upgrade(engine: Engine, *first: str) -> None:
    """Run the missing revisions in one transaction, which the statements `first` begin."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection as Bound
    from sqlalchemy import event

    @event.listens_for(engine, "begin")
    def _begin(bound: Bound) -> None:
        for statement in first:
            bound.exec_driver_sql(statement)

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    try:
        with engine.begin() as bound:
            config.attributes["connection"] = bound
            command.upgrade(config, "head")
    finally:
        engine.dispose()
