"""Whether anything is due after settling; separate from the work, which takes long to load."""

from __future__ import annotations

from clustertrace.store.connection import Connection

__all__ = ["count_prompts", "count_traits", "prompts", "traits"]


def traits(conn: Connection) -> bool:
    """Whether traits of any run do."""
    return bool(conn.value("SELECT 1 FROM traces WHERE traits_due = 1 LIMIT 1"))


def prompts(conn: Connection) -> bool:
    """Whether the prompt of any run does."""
    return bool(conn.value("SELECT 1 FROM traces WHERE prompt_due = 1 LIMIT 1"))


def count_traits(conn: Connection) -> int:
    """Of how many runs traits are due."""
    return int(conn.value("SELECT count(*) FROM traces WHERE traits_due = 1"))


def count_prompts(conn: Connection) -> int:
    """Of how many runs the prompt is due."""
    return int(conn.value("SELECT count(*) FROM traces WHERE prompt_due = 1"))
