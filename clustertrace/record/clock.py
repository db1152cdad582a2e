"""Time and chance, in one place, so that a test can make both repeatable."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

__all__ = ["Source", "source"]


class Source:
    """Where a recorder gets its times and ids from."""

    __slots__ = ("bits", "chance", "tick_ns", "wall_ns")

    def __init__(self) -> None:
        self.wall_ns: Callable[[], int] = time.time_ns
        """Nanoseconds since 1970; asked once a trace."""
        self.tick_ns: Callable[[], int] = time.perf_counter_ns
        """Nanoseconds since any moment, never going back."""
        self.seed()

    def trace_id(self) -> str:
        """A new trace's id: 32 hex digits."""
        return (self.bits(128) or 1).to_bytes(16).hex()

    def span_id(self) -> str:
        """A new span's id: 16 hex digits."""
        return (self.bits(64) or 1).to_bytes(8).hex()

    def seed(self) -> None:
        """Begin a new series of ids; a forked child must not repeat its parent's."""
        chance = random.Random(os.urandom(16))
        self.bits: Callable[[int], int] = chance.getrandbits
        self.chance: Callable[[], float] = chance.random


source = Source()
"""The process's own."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=source.seed)
