"""Make the space of deleted rows reusable: PostgreSQL does so by itself, or on request at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clustertrace.store.postgres.connection import connect

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["shorten"]


def shorten(store: Store) -> None:
    """Make the space of deleted rows reusable, without making anybody wait."""
    conn = connect(store.place)
    try:
        conn.control("VACUUM (ANALYZE)")
    finally:
        conn.close()
