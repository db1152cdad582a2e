"""Detect when the receiver may exit: no data came in and nobody used the pages for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

__all__ = ["Activity", "until_idle"]


class Activity:
    """When something happened last; any thread may note it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def note(self) -> None:
        """Note that something happened: spans came in, or somebody used a page."""
        self._last = self._clock()

    @property
    def idle_seconds(self) -> float:
        """For how long nothing has happened."""
        return self._clock() - self._last


async def until_idle(
    activity: Activity,
    seconds: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Return once nothing has happened for so long."""
    while (seconds_left := seconds - activity.idle_seconds) > 0:
        await sleep(seconds_left)
