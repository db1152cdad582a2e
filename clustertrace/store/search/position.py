"""How far the text index has come, which both databases keep in the same way."""

from __future__ import annotations

from typing import Final

from clustertrace.store import state
from clustertrace.store.connection import Connection

__all__ = ["POSITION", "behind", "has_more", "position"]

POSITION: Final = "text_index_seq"
"""Its name among the numbers that the database remembers (clustertrace.store.state)."""


def position(conn: Connection) -> int:
    """The highest sequence number that has been indexed."""
    return state.get(conn, POSITION) or 0


def behind(conn: Connection) -> int:
    """How many spans are stored and not yet indexed."""
    return conn.value("SELECT count(*) FROM spans WHERE seq > ?", (position(conn),)) or 0


def has_more(conn: Connection) -> bool:
    """Whether any span is stored and not yet indexed."""
    return bool(conn.value("SELECT 1 FROM spans WHERE seq > ? LIMIT 1", (position(conn),)))
