"""For tests of code that is traced: times and ids that are the same in each run."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clustertrace.record.clock import source

__all__ = ["deterministic"]


@contextmanager
def deterministic(*, clock_ns: Callable[[], int], seed: int = 0) -> Iterator[None]:
    """Inside, the recorder's times come from `clock_ns` and its ids from `seed`.

    `clock_ns` returns nanoseconds since 1970 and may not go back within a trace. One thread at a
    time gives the same ids each time; the process's own clock and ids return at the end.
    """
    before = source.wall_ns, source.tick_ns, source.bits, source.chance
    chance = random.Random(seed)
    source.wall_ns = source.tick_ns = clock_ns
    source.bits, source.chance = chance.getrandbits, chance.random
    try:
        yield
    finally:
        source.wall_ns, source.tick_ns, source.bits, source.chance = before
