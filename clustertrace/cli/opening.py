"""Open the database that a command asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["HOW_TO_BEGIN", "has_database", "reading"]

HOW_TO_BEGIN = (
    "Run your agent with clustertrace.trace, send OpenTelemetry to `clustertrace dashboard`, "
    "or look around with `clustertrace demo`."
)


def has_database(db: str | None) -> bool:
    """Whether there is anything to read: a database, or recorded spans that wait for one."""
    from clustertrace.store.store import database_path

    path = database_path(db)
    return path.exists() or path.with_name(path.name + ".spool").exists()


@contextmanager
def reading(db: str | None) -> Iterator[Store]:
    """The store with everything in it that was recorded up to now."""
    from clustertrace.store.store import Store

    with Store.open(db) as store:
        store.refresh()
        yield store
