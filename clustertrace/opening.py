"""Open the database for a command or an MCP tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clustertrace.errors import NotFound

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["HOW_TO_BEGIN", "has_database", "nothing_yet", "reading"]

HOW_TO_BEGIN = (
    "Run your agent with clustertrace.trace, send OpenTelemetry to `clustertrace dashboard`, "
    "or look around with `clustertrace demo`."
)


def has_database(db: str | None) -> bool:
    """Whether there is anything to read: a database, or recorded spans that wait for one."""
    from clustertrace.store.place import place_of

    place = place_of(db)
    return not place.is_file or place.path.exists() or place.spool.exists()


def nothing_yet(db: str | None, what: str) -> str:
    """That there are no `what` yet, and how to begin.

    Where there is no database its name is told: it may be mistyped.
    """
    from clustertrace.store.place import place_of

    why = "" if has_database(db) else f": there is no database at {place_of(db)}"
    return f"There are no {what} yet{why}. {HOW_TO_BEGIN}"


@contextmanager
def reading(db: str | None) -> Iterator[Store]:
    """The store with everything in it that was recorded up to now.

    Raises NotFound where there is no database: reading makes none.
    """
    from clustertrace.store.place import place_of
    from clustertrace.store.store import Store

    if not has_database(db):
        raise NotFound(f"There is no database at {place_of(db)}. {HOW_TO_BEGIN}")
    with Store.open(db) as store:
        store.refresh()
        yield store
