"""When chores may run: requests go first, and other programs get to write in between.

And how often Python looks for garbage.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Pace", "collect_seldom"]

BURST_SECONDS: Final = 5.0
"""For so long, requests in close succession take precedence over chores."""

CHORE_IN_A_BURST_SECONDS: Final = 0.3
"""The pause between slices of chores during a burst: they take a fifteenth of the time."""

CHORE_EVERY_SECONDS: Final = 0.06
"""The pause after that: they take a quarter."""

LULL_SECONDS: Final = 0.005
"""How long after an answer nothing must arrive before chores go on."""

STRETCH_SECONDS: Final = 0.1
"""For so long chores follow each other without a pause, if no request waits."""

GAP_SECONDS: Final = 0.025
"""The pause after that, for other programs to write. A program that waits for SQLite's lock tries
every 25 ms at first, later every 100 ms: if the gap were shorter, it could miss each of them."""

IDLE_SECONDS: Final = 0.2
"""How long the writer waits when there is no work."""


def collect_seldom() -> None:
    """Have Python look for garbage seldom, in all of this process.

    Spans are trees, which need no garbage collector; by default it takes a tenth of the time, and a
    third of settling a trace of 100 000 spans.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class Pace:
    """How long the writer waits for a request, and whether a chore goes before the next one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._last_chore = float("-inf")
        self._stretch_start = clock()
        self._after_answer = False

    def patience(self, *, idle: bool) -> float:
        """Seconds to wait for a request before the next chore; `idle`: there are no chores."""
        if idle:
            return IDLE_SECONDS
        if self._clock() - self._stretch_start >= STRETCH_SECONDS:
            return GAP_SECONDS
        # A sender that has its answer may send again at once. If nothing arrived during a chore
        # either, there is nobody to wait for.
        return LULL_SECONDS if self._after_answer else 0.0

    def waited(self, seconds: float) -> None:
        """Nothing arrived for this long."""
        if seconds >= GAP_SECONDS:
            self._stretch_start = self._clock()

    def answered(self) -> None:
        """A request has been answered; the wait for the next one is a gap as well."""
        self._after_answer = True
        self._stretch_start = self._clock()

    def chore_ended(self) -> None:
        """A slice of a chore has been done."""
        self._after_answer = False
        self._last_chore = self._clock()

    def is_chore_due(self, behind_seconds: float) -> bool:
        """Whether a chore goes before waiting requests; `behind_seconds` is that of Chores."""
        in_burst = behind_seconds < BURST_SECONDS
        pause = CHORE_IN_A_BURST_SECONDS if in_burst else CHORE_EVERY_SECONDS
        return self._clock() - self._last_chore > pause
