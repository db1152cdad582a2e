"""Giving the space of what was deleted back to the disk, in slices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from clustertrace.store.sqlite.connection import SqliteConnection

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["shorten"]

_PAGES: Final = 2_000


def shorten(store: Store) -> None:
    """Give free pages back to the disk, while others write."""
    while True:
        with store.writing() as conn:
            assert isinstance(conn, SqliteConnection)
            before = conn.pragma("freelist_count")
            # Python steps once through a statement that has no columns: one page, whatever it says.
            for _ in range(min(before, _PAGES)):
                conn.run("PRAGMA incremental_vacuum(1)")
            left = conn.pragma("freelist_count")
        if not left or left >= before:
            break
        time.sleep(0.001)
