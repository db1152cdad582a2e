"""Whether a deletion is in progress, in any process."""

from __future__ import annotations

from typing import Final

from clustertrace.store import state
from clustertrace.store.connection import Connection

__all__ = ["goes_on", "has_ended", "is_going_on"]

_SEEN: Final = "deletion_ns"
"""In `state`: when a deletion in many transactions last did something."""
_SILENCE_NS: Final = 60 * 10**9
"""One that did nothing for so long was broken off."""


def goes_on(conn: Connection, now_ns: int) -> None:
    """A deletion in many transactions does something now."""
    state.put(conn, _SEEN, now_ns)


def has_ended(conn: Connection) -> None:
    """A deletion in many transactions has done all that it had to."""
    state.remove(conn, _SEEN)


def is_going_on(conn: Connection, now_ns: int) -> bool:
    """Whether a deletion goes on, in some process.

    Until it has ended it is not known what will be left of each part of the text index.
    """
    seen = state.get(conn, _SEEN)
    return seen is not None and abs(now_ns - seen) < _SILENCE_NS
