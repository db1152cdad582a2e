"""Giving the space of what was deleted back: PostgreSQL does so by itself, and at once if told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustertrace.store.postgres.connection import connect

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["shorten"]


def shorten(store: Store) -> None:
    """Let the room of deleted rows be used again; nobody waits meanwhile."""
    conn = connect(store.place)
    try:
        conn.control("VACUUM (ANALYZE)")
    finally:
        conn.close()
