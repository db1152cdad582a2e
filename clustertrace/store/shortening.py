"""Giving the space of what was deleted back to the disk, in slices."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from clustertrace.store.connection import Connection

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["database_bytes", "shorten", "used_bytes"]

_PAGES: Final = 2_000


def shorten(store: Store) -> None:
    """Give free pages back to the disk, while others write."""
    while True:
        with store.writing() as conn:
            before = _pragma(conn, "freelist_count")
            # Python steps once through a statement that has no columns: one page, whatever it says.
            for _ in range(min(before, _PAGES)):
                conn.run("PRAGMA incremental_vacuum(1)")
            left = _pragma(conn, "freelist_count")
        if not left or left >= before:
            break
        time.sleep(0.001)


def used_bytes(conn: Connection) -> int:
    """Bytes of the database that hold something."""
    return (_pragma(conn, "page_count") - _pragma(conn, "freelist_count")) * _pragma(
        conn, "page_size"
    )


def database_bytes(conn: Connection) -> int:
    """Bytes of the database's file."""
    return _pragma(conn, "page_count") * _pragma(conn, "page_size")


def _pragma(conn: Connection, name: str) -> int:
    return int(conn.value(f"PRAGMA {name}") or 0)
