"""Filters that the user keeps by name."""

from __future__ import annotations

from clustertrace.store.connection import Connection

__all__ = ["saved_filters"]


def saved_filters(conn: Connection) -> dict[str, str]:
    """Every saved filter by its name, in the order of names."""
    return dict(conn.rows("SELECT name, filter FROM saved_filters ORDER BY name"))
