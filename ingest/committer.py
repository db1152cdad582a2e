"""The one writer: requests that wait together share a commit; chores fill the gaps.

Requests come from the event loop, commits happen on a thread of their own, and a request is
answered only after its commit. In between, the same thread drains recorders' spools, settles
traces and carries the text index forward.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

from clustertrace.errors import ClustertraceError, StoreBusy
from clustertrace.ingest.chores import Chores, Keeper
from clustertrace.ingest.exposition import Histogram
from clustertrace.model import Batch

__all__ = ["Committer", "QueueFull", "Writer"]

MAX_WAITING: Final = 20_000
"""Spans that may wait for the writer; some 40 MB."""

GROUP: Final = 5_000
"""Spans in one commit, if several requests wait."""

BURST_SECONDS: Final = 5.0
"""So long requests that follow each other closely go first."""

CHORE_IN_A_BURST_SECONDS: Final = 0.3
"""Between slices of chores meanwhile: they take a fifteenth of the time."""

CHORE_EVERY_SECONDS: Final = 0.06
"""And after that: a quarter. With no request waiting, chores follow each other until all are
done."""

LULL_SECONDS: Final = 0.005
"""So long after an answer nothing arrives before the writer takes it for a lull."""

IDLE_SECONDS: Final = 0.2
"""Between looks for new work when there was none."""


class Writer(Keeper, Protocol):
    """What the committer asks of a store (see clustertrace.store.store.Store)."""

    def write(self, batch: Batch, /) -> Any:
        """Commit a batch."""


class QueueFull(ClustertraceError):
    """More spans wait for the writer than there is room for; the sender should try again."""


class _Job(NamedTuple):
    batch: Batch
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Committer:
    """Owns the writer thread: `commit` is for coroutines, `close` commits what was accepted."""

    def __init__(
        self, *, max_waiting: int = MAX_WAITING, received: Callable[[], None] = lambda: None
    ) -> None:
        """Make one; `received` is called, on the writer's thread, whenever spans are stored."""
        self._max_waiting = max_waiting
        self._received = received
        self._queue: deque[_Job] = deque()
        self._news = threading.Condition()
        self._closing = False
        self.waiting = 0
        """Spans that wait for the writer."""
        self.stored = 0
        """Spans committed for requests since the start."""
        self.rejected = 0
        """Spans, records and data points that were not usable, since the start."""
        self.commits = Histogram()
        """How long commits took."""
        self.trouble: str | None = None
        """Why the last commit or chore failed; None if it did not."""
        self._chores_failed = False
        """Whether that was a chore."""
        self._thread: threading.Thread | None = None

    def start(self, store: Writer) -> None:
        """Begin to write; what was committed before waits until now."""
        self._thread = threading.Thread(
            target=self._run, args=(store,), name="committer", daemon=True
        )
        self._thread.start()

    async def commit(self, batch: Batch) -> None:
        """Return once the batch is on disk.

        Raises QueueFull when too much waits, and StoreBusy or StoreError as the store does.
        """
        loop = asyncio.get_running_loop()
        job = _Job(batch, loop, loop.create_future())
        with self._news:
            if self._closing:
                raise StoreBusy("The receiver is stopping; try again in a moment.")
            if self._queue and self.waiting + _batch_size(batch) > self._max_waiting:
                raise QueueFull(f"{self.waiting} spans wait to be written; try again in a moment.")
            self._queue.append(job)
            self.waiting += _batch_size(batch)
            self._news.notify()
        await job.done

    def close(self) -> None:
        """Commit what was accepted, then stop the thread; without one, refuse what waits."""
        with self._news:
            self._closing = True
            self._news.notify()
        if self._thread is not None:
            self._thread.join()
        elif self._queue:
            self._answer([*self._queue], StoreBusy("The receiver could not start."))
            self._queue.clear()

    def _run(self, store: Writer) -> None:
        chores = Chores(store, self._received)
        last_chore = 0.0
        answered = False
        while not self._closing or self._queue:
            burst = chores.behind_seconds < BURST_SECONDS
            pause = CHORE_IN_A_BURST_SECONDS if burst else CHORE_EVERY_SECONDS
            rested = time.monotonic() - last_chore > pause
            # A sender who has its answer may send again at once. If nothing came during a chore
            # either, there is nobody to wait for.
            lull = LULL_SECONDS if answered else 0.0
            group = self._next_group(IDLE_SECONDS if chores.done else lull)
            answered = bool(group)
            if group:
                self._commit(store, group)
                chores.again()
            if (rested or not group) and not self._closing:
                try:
                    chores.slice()
                except Exception as error:
                    self._note(error)
                    self._chores_failed = True
                else:
                    if self._chores_failed and chores.well:
                        self.trouble, self._chores_failed = None, False
                last_chore = time.monotonic()

    def _next_group(self, timeout: float) -> list[_Job]:
        """Jobs for one commit; none if nothing arrives in time."""
        group: list[_Job] = []
        spans = 0
        with self._news:
            if not self._queue and not self._closing:
                self._news.wait(timeout)
            while self._queue and (not group or spans + _batch_size(self._queue[0].batch) <= GROUP):
                job = self._queue.popleft()
                group.append(job)
                spans += _batch_size(job.batch)
        return group

    def _commit(self, store: Writer, group: Sequence[_Job]) -> None:
        error = self._write(store, [job.batch for job in group])
        if error is None or len(group) == 1 or isinstance(error, StoreBusy):
            self._answer(group, error)
            return
        # One batch may be what the store can't take: it must not cost the others.
        for job in group:
            self._answer([job], self._write(store, [job.batch]))

    def _write(self, store: Writer, batches: Sequence[Batch]) -> Exception | None:
        joined = Batch(
            [span for batch in batches for span in batch.spans],
            [fact for batch in batches for fact in batch.facts],
            None,
            [log for batch in batches for log in batch.logs],
        )
        began = time.monotonic()
        try:
            store.write(joined)
        except Exception as error:
            self._note(error)
            return error
        self.commits.observe(time.monotonic() - began)
        self.trouble = None
        self._received()
        return None

    def _answer(self, group: Sequence[_Job], error: Exception | None) -> None:
        with self._news:
            self.waiting -= sum(_batch_size(job.batch) for job in group)
        if error is None:
            self.stored += sum(len(job.batch.spans) for job in group)
        for loop in {job.loop for job in group}:
            waiting = [job.done for job in group if job.loop is loop]
            with suppress(RuntimeError):  # a closed loop: nobody waits any more
                loop.call_soon_threadsafe(_wake, waiting, error)

    def _note(self, error: Exception) -> None:
        """Say once what went wrong; the same trouble again is no news."""
        told = str(error) if isinstance(error, ClustertraceError) else repr(error)
        if told != self.trouble:
            print(f"clustertrace: {told}", file=sys.stderr)  # noqa: T201 - the receiver's log
        self.trouble, self._chores_failed = told, False


def _batch_size(batch: Batch) -> int:
    """Spans and log records, which take about the same room."""
    return len(batch.spans) + len(batch.logs)


def _wake(waiting: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for future in waiting:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
