"""When the receiver leaves, and what keeps it."""

from __future__ import annotations

import asyncio

from clustertrace.ingest.idling import Activity, until_idle


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_activity_counts_from_what_happened_last() -> None:
    """Time since the start, then since the last news."""
    clock = Clock()
    activity = Activity(clock)
    clock.now += 7
    assert activity.idle_seconds == 7
    activity.note()
    clock.now += 2
    assert activity.idle_seconds == 2


def test_waiting_starts_anew_with_each_news() -> None:
    """News while it waits puts the end off; with none it comes."""
    clock = Clock()
    activity = Activity(clock)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds - 1
        if len(slept) < 3:
            activity.note()
        clock.now += 1

    asyncio.run(until_idle(activity, 10, sleep))
    assert slept == [10, 9, 9]
