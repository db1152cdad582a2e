"""Return the space of deleted data to the disk.

SQLite does so at the end of each transaction (`FULL`) or on request (`INCREMENTAL`), and can be
switched at any time. Normally it is on request, as free pages are soon reused. But returning very
many on request is slow: for each free page at the end of the file SQLite searches the list of all
free pages. So transactions that delete rows return at once what they free. A dropped table frees so
much that this would keep others waiting: that is returned on request, in turns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from clustertrace.store.connection import Connection
from clustertrace.store.sqlite.connection import SqliteConnection
from clustertrace.store.turns import Turns

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["giving_back", "shorten"]

_FEWEST: Final = 500
_MOST: Final = 50_000
"""Limits on the pages that a transaction returns."""


@contextmanager
def giving_back(store: Store) -> Iterator[None]:
    """Within this context, each transaction returns the pages that it frees to the disk."""
    shorten(store)
    try:
        with store.writing() as conn:
            conn.run("PRAGMA auto_vacuum = FULL")
        yield
    finally:
        with store.writing() as conn:
            conn.run("PRAGMA auto_vacuum = INCREMENTAL")


def shorten(store: Store, above: int = 0) -> None:
    """Return free pages to the disk, if there are more than `above`; others can write meanwhile."""
    with store.read() as conn:
        assert isinstance(conn, SqliteConnection)
        if conn.pragma("freelist_count") <= above:
            return
    turns = Turns(store, _FEWEST, _MOST)
    while turns.take(lambda conn: _give_back(conn, turns.size)):
        pass


def _give_back(conn: Connection, pages: int) -> bool:
    """Return some pages; returns whether there are more that can be returned."""
    assert isinstance(conn, SqliteConnection)
    before = conn.pragma("freelist_count")
    # Python steps only once through a statement without columns, which is one page.
    for _ in range(min(before, pages)):
        conn.run("PRAGMA incremental_vacuum(1)")
    return 0 < conn.pragma("freelist_count") < before
