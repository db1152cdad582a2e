"""Questions about what users wrote to begin runs."""

from __future__ import annotations

from typing import Final, NamedTuple

from clustertrace.prompts.habits import VERSION, Habits, Noted, compare
from clustertrace.store.connection import Connection

__all__ = ["NEWEST", "Prompt", "habits", "prompt_texts"]

NEWEST: Final = 20_000
"""Prompts that habits are compared in, newest first."""


class Prompt(NamedTuple):
    """What a user wrote, and how the run ended."""

    trace_id: str
    start_ns: int
    text: str
    dead_end: str | None


def habits(conn: Connection, limit: int = NEWEST) -> Habits:
    """The habits of the newest prompts; the texts are not read."""
    rows = conn.rows(
        "SELECT trace_id, has, lacks, dead_end, kin, text_hash FROM prompts WHERE version = ?"
        " ORDER BY start_ns DESC LIMIT ?",
        (VERSION, limit),
    )
    return compare(Noted(row[0].hex(), *row[1:]) for row in rows)


def prompt_texts(conn: Connection, *, dead: bool, limit: int) -> tuple[Prompt, ...]:
    """The newest prompts of runs that came to a dead end, or of runs that did not."""
    state = "IS NOT NULL" if dead else "IS NULL"
    rows = conn.rows(
        "SELECT trace_id, start_ns, text, dead_end FROM prompts"
        f" WHERE version = ? AND dead_end {state} ORDER BY start_ns DESC LIMIT ?",
        (VERSION, limit),
    )
    return tuple(Prompt(row[0].hex(), *row[1:]) for row in rows)
