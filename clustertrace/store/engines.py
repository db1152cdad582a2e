"""The databases that a store can be in: SQLite by default, PostgreSQL where one is named."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from clustertrace.store.connection import Connection
from clustertrace.store.place import Place

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["giving_back", "opened", "shorten"]


def opened(place: Place, *, read_only: bool = False) -> Connection:
    """A connection to a database; one that may write makes or migrates it as needed.

    Raises StoreError, StoreCorrupt, StoreTooNew or StoreBusy.
    """
    if place.is_file:
        from clustertrace.store import sqlite

        return (
            sqlite.connect(place.path, read_only=True) if read_only else sqlite.opened(place.path)
        )
    # Only where it is asked for: its driver takes a third of a second to load.
    from clustertrace.store import postgres

    return postgres.connect(place, read_only=True) if read_only else postgres.opened(place)


def giving_back(store: Store) -> AbstractContextManager[None]:
    """The space of rows that are deleted inside is given back to the disk as they go."""
    if not store.place.is_file:
        return nullcontext()
    from clustertrace.store.sqlite import shortening

    return shortening.giving_back(store)


def shorten(store: Store, above: int = 0) -> None:
    """Give free space back to the disk while others write; of a file, if more pages are free."""
    if store.place.is_file:
        from clustertrace.store.sqlite import shortening

        shortening.shorten(store, above)
    elif not above:
        from clustertrace.store.postgres import shortening as vacuuming

        vacuuming.shorten(store)
