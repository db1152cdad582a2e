"""Save filters by name, and delete them."""

from __future__ import annotations

import time
from typing import Final

from clustertrace.errors import UsageError
from clustertrace.filters import parse
from clustertrace.store.store import Store

__all__ = ["LONGEST_NAME", "delete", "save"]

LONGEST_NAME: Final = 60
"""Characters."""


def save(store: Store, name: str, text: str) -> None:
    """Save a filter, replacing one of the same name.

    Raises UsageError for a name that is empty or too long, FilterError for an invalid filter.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise UsageError(f"Give the filter a name of 1 to {LONGEST_NAME} characters.")
    parse(text)
    with store.writing() as conn:
        conn.run(
            "INSERT INTO saved_filters VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " filter = excluded.filter, created_ns = excluded.created_ns",
            (name, text, time.time_ns()),
        )


def delete(store: Store, name: str) -> None:
    """Delete a filter; an unknown name is not an error."""
    with store.writing() as conn:
        conn.run("DELETE FROM saved_filters WHERE name = ?", (name,))
