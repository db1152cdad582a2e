"""The writer's work between requests, in slices whose size adapts to the time they take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from clustertrace.errors import StoreBusy

__all__ = ["Chores", "Keeper"]

SLICE_SECONDS: Final = 0.02
"""The target time of a slice, since a request may have to wait for it."""


class Keeper(Protocol):
    """What chores need of a store (see clustertrace.store.store.Store)."""

    def drain(self, *, wait: float, limit: int) -> Any:
        """Read about `limit` bytes of the spools; the result has `spans` and `bad_lines`."""

    def settle(self, *, limit: int) -> int:
        """Settle some traces that are due; returns how many."""

    def index_text(self, *, limit: int) -> int:
        """Add spans to the text index; returns how many."""

    def tidy_text(self, *, limit: int) -> bool:
        """Clean up the text index after deletions; returns whether there is more to do."""

    def note_traits(self, *, limit: int) -> int:
        """Compute the traits of some finished runs; returns how many."""

    def note_prompts(self, *, limit: int) -> int:
        """Extract the prompts of some runs; returns how many."""


class _Chore:
    def __init__(self, work: Callable[[int], bool], least: int, most: int) -> None:
        self._work = work
        self._size, self._least, self._most = least, least, most

    def slice(self) -> bool:
        """Do one slice; returns whether there may be more."""
        started = time.monotonic()
        has_more = self._work(self._size)
        if has_more:
            elapsed = max(time.monotonic() - started, 1e-4)
            fitting_size = int(self._size * min(2.0, SLICE_SECONDS / elapsed))
            self._size = max(self._least, min(self._most, fitting_size))
        return has_more


class Chores:
    """Spools, settling, the text index, traits, prompts and cleaning up, in turn."""

    def __init__(
        self,
        store: Keeper,
        drained: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`drained` is called whenever spans were found in a spool; `clock` counts seconds."""
        self._store = store
        self._drained = drained
        self._clock = clock
        self._busy_since = clock()
        self._turns = deque(
            [
                _Chore(self._drain, 1 << 16, 1 << 22),
                _Chore(lambda limit: store.settle(limit=limit) >= limit, 10, 2_000),
                _Chore(lambda limit: store.index_text(limit=limit) >= limit, 100, 20_000),
                _Chore(lambda limit: store.note_traits(limit=limit) > 0, 1, 2_000),
                _Chore(lambda limit: store.note_prompts(limit=limit) > 0, 1, 2_000),
                _Chore(lambda limit: store.tidy_text(limit=limit), 100, 20_000),
            ]
        )
        self._done_in_a_row = 0
        self._well_in_a_row = 0

    @property
    def well(self) -> bool:
        """Whether each chore had a turn since the last failure."""
        return self._well_in_a_row >= len(self._turns)

    @property
    def done(self) -> bool:
        """Whether a whole round found nothing more to do."""
        return self._done_in_a_row >= len(self._turns)

    @property
    def behind_seconds(self) -> float:
        """For how long there has been work to do."""
        return 0.0 if self.done else self._clock() - self._busy_since

    def slice(self) -> None:
        """Do a slice of the chore whose turn it is. Raises what the store raises."""
        chore = self._turns[0]
        self._turns.rotate(-1)
        self._done_in_a_row += 1
        well_before, self._well_in_a_row = self._well_in_a_row, 0
        if chore.slice():
            self._done_in_a_row = 0
        self._well_in_a_row = well_before + 1

    def again(self) -> None:
        """Start a new round, because there is news."""
        if self.done:
            self._busy_since = self._clock()
        self._done_in_a_row = 0

    def _drain(self, limit: int) -> bool:
        try:
            drained = self._store.drain(wait=0.0, limit=limit)
        except StoreBusy:
            # Another process is draining, which is as good.
            return False
        if drained.spans:
            self._drained()
        return bool(drained.spans or drained.bad_lines)
