"""Whether a deletion in many transactions is running, in any process: it beats while it works.

Until it has ended, it is not known what will be left of each part of the text index.
"""

from __future__ import annotations

import time
from typing import Final

from clustertrace.store import state
from clustertrace.store.connection import Connection

__all__ = ["beat", "clear", "is_alive"]

_LAST_BEAT: Final = "deletion_ns"
"""In `state`: when a deletion last did something."""
_SILENCE_NS: Final = 60 * 10**9
"""A deletion that has been silent for so long was broken off."""


def beat(conn: Connection) -> None:
    """Note that a deletion is doing something now."""
    state.put(conn, _LAST_BEAT, time.time_ns())


def clear(conn: Connection) -> None:
    """Note that a deletion has done all that it had to."""
    state.remove(conn, _LAST_BEAT)


def is_alive(conn: Connection) -> bool:
    """Whether a deletion is running, in some process."""
    last_beat = state.get(conn, _LAST_BEAT)
    return last_beat is not None and abs(time.time_ns() - last_beat) < _SILENCE_NS
