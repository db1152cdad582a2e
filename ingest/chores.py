"""Work that the writer does between requests, in slices fitted to the time that they take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from clustertrace.errors import StoreBusy

__all__ = ["Chores", "Keeper"]

SLICE_SECONDS: Final = 0.02
"""What a slice may take: so long may a request wait behind it."""


class Keeper(Protocol):
    """What chores ask of a store (see clustertrace.store.store.Store)."""

    def drain(self, *, wait: float, limit: int) -> Any:
        """Read about `limit` bytes of the spools; `spans` and `bad_lines` say what was there."""

    def settle(self, *, limit: int) -> int:
        """Settle some traces that are due; how many."""

    def index_text(self, *, limit: int) -> int:
        """Carry the text index forward; by how many spans."""

    def tidy_text(self, *, limit: int) -> bool:
        """Go on with what a deletion left of the text index; whether there is more."""

    def note_traits(self, *, limit: int) -> int:
        """Work out what is true of some finished runs; of how many."""

    def note_prompts(self, *, limit: int) -> int:
        """Look at what users wrote to begin some runs; how many."""


class _Chore:
    def __init__(self, work: Callable[[int], bool], least: int, most: int) -> None:
        self._work = work
        self._size, self._least, self._most = least, least, most

    def slice(self) -> bool:
        """Do one slice; whether there may be more."""
        started = time.monotonic()
        more = self._work(self._size)
        if more:
            took = max(time.monotonic() - started, 1e-4)
            fitting = int(self._size * min(2.0, SLICE_SECONDS / took))
            self._size = max(self._least, min(self._most, fitting))
        return more


class Chores:
    """Spools, settling, the text index, traits, prompts, and what deletions left, in turn."""

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
        """Whether each chore has had a turn since one failed."""
        return self._well_in_a_row >= len(self._turns)

    @property
    def done(self) -> bool:
        """Whether a whole round found nothing more to do."""
        return self._done_in_a_row >= len(self._turns)

    @property
    def behind_seconds(self) -> float:
        """For how long there has been something to do."""
        return 0.0 if self.done else self._clock() - self._busy_since

    def slice(self) -> None:
        """Do a slice of the chore whose turn it is. Raises what the store raises."""
        chore = self._turns[0]
        self._turns.rotate(-1)
        self._done_in_a_row += 1
        well, self._well_in_a_row = self._well_in_a_row, 0
        if chore.slice():
            self._done_in_a_row = 0
        self._well_in_a_row = well + 1

    def again(self) -> None:
        """There is news: a new round is due."""
        if self.done:
            self._busy_since = self._clock()
        self._done_in_a_row = 0

    def _drain(self, limit: int) -> bool:
        try:
            drained = self._store.drain(wait=0.0, limit=limit)
        except StoreBusy:
            # Another process drains just now, which is as good.
            return False
        if drained.spans:
            self._drained()
        return bool(drained.spans or drained.bad_lines)
