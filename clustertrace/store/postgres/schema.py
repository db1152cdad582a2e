"""Bring a server's database to the newest schema, or raise an error that says why not."""

from __future__ import annotations

from typing import Final

from clustertrace.errors import StoreCorrupt
from clustertrace.store.migrations.revisions import HEAD, refuse_newer, revision, upgrade
from clustertrace.store.place import Place
from clustertrace.store.postgres.connection import PostgresConnection, connect, readable

__all__ = ["opened"]

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('clustertrace schema'))"

_TABLES: Final = (
    "SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relkind IN ('r', 'p') AND n.nspname = current_schema()"
)


def opened(place: Place) -> PostgresConnection:
    """Open a server's database, whose schema is created or migrated as needed.

    Raises StoreBusy, StoreError, StoreTooNew, or StoreCorrupt if another program uses it.
    """
    conn = connect(place)
    try:
        current = revision(conn)
        if current is None and conn.value(_TABLES):
            raise StoreCorrupt(
                f"{place.name} belongs to another program; create a separate one with `createdb`, "
                "and name that in CLUSTERTRACE_DB."
            )
        refuse_newer(conn)
        if current != HEAD:
            _upgrade(place)
    except BaseException:
        conn.close()
        raise
    return conn


def _upgrade(place: Place) -> None:
    """Run the missing revisions in one transaction; programs that start at once take turns."""
    from sqlalchemy import create_engine

    url = "postgresql+psycopg://" + place.text.partition("://")[2]
    with readable(place.name):
        upgrade(create_engine(url), _LOCK)
