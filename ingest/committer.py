"""The only writer: requests that wait together share a commit; chores fill the gaps.

Requests come from the event loop, commits happen on a thread, and a request is answered only after
its commit. In between, the same thread drains recorders' spools, settles traces and updates the
text index.
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
from clustertrace.ingest.pacing import Pace
from clustertrace.model import Batch

__all__ = ["Committer", "QueueFull", "Writer"]

MAX_WAITING: Final = 20_000
"""How many spans may wait for the writer: about 40 MB."""

GROUP: Final = 5_000
"""How many spans one commit takes at most, if several requests wait."""


class Writer(Keeper, Protocol):
    """What the committer needs of a store (see clustertrace.store.store.Store)."""

    def write(self, batch: Batch, /) -> Any:
        """Commit a batch."""


class QueueFull(ClustertraceError):
    """Too many spans wait for the writer; the sender should try again."""


class _Job(NamedTuple):
    batch: Batch
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Committer:
    """Owns the writer thread: `commit` is for coroutines, `close` commits what was accepted."""

    def __init__(
        self, *, max_waiting: int = MAX_WAITING, received: Callable[[], None] = lambda: None
    ) -> None:
        """`received` is called, on the writer's thread, whenever spans are stored."""
        self._max_waiting = max_waiting
        self._received = received
        self._queue: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self.waiting = 0
        """Spans that wait for the writer."""
        self.stored = 0
        """Spans committed for requests since the start."""
        self.rejected = 0
        """Unusable spans, records and data points since the start."""
        self.commits = Histogram()
        """How long commits took."""
        self.trouble: str | None = None
        """Why the last commit or chore failed; None if it did not."""
        self._chores_failed = False
        """Whether it was a chore that failed last."""
        self._thread: threading.Thread | None = None

    def start(self, store: Writer) -> None:
        """Start writing; earlier commits wait for this."""
        self._thread = threading.Thread(
            target=self._run, args=(store,), name="committer", daemon=True
        )
        self._thread.start()

    async def commit(self, batch: Batch) -> None:
        """Return once the batch is on disk.

        Raises QueueFull if too much waits, and StoreBusy or StoreError as the store does.
        """
        loop = asyncio.get_running_loop()
        job = _Job(batch, loop, loop.create_future())
        with self._changed:
            if self._closing:
                raise StoreBusy("The receiver is stopping; try again in a moment.")
            if self._queue and self.waiting + _batch_size(batch) > self._max_waiting:
                raise QueueFull(f"{self.waiting} spans wait to be written; try again in a moment.")
            self._queue.append(job)
            self.waiting += _batch_size(batch)
            self._changed.notify()
        await job.done

    def close(self) -> None:
        """Commit what was accepted, then stop the thread; refuse all if it was never started."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        elif self._queue:
            self._answer([*self._queue], StoreBusy("The receiver could not start."))
            self._queue.clear()

    def _run(self, store: Writer) -> None:
        chores = Chores(store, self._received)
        pace = Pace()
        while not self._closing or self._queue:
            is_due = pace.is_chore_due(chores.behind_seconds)
            patience = pace.patience(idle=chores.done)
            group = self._next_group(patience)
            if group:
                self._commit(store, group)
                chores.again()
                pace.answered()
            else:
                pace.waited(patience)
            if (is_due or not group) and not self._closing:
                self._do_chore(chores)
                pace.chore_ended()

    def _do_chore(self, chores: Chores) -> None:
        try:
            chores.slice()
        except Exception as error:
            self._report(error)
            self._chores_failed = True
            return
        if self._chores_failed and chores.well:
            self.trouble, self._chores_failed = None, False

    def _next_group(self, timeout: float) -> list[_Job]:
        """Jobs for one commit; empty if nothing arrives in time."""
        group: list[_Job] = []
        spans = 0
        with self._changed:
            if not self._queue and not self._closing:
                self._changed.wait(timeout)
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
        # If one batch is at fault, the others must not fail with it.
        for job in group:
            self._answer([job], self._write(store, [job.batch]))

    def _write(self, store: Writer, batches: Sequence[Batch]) -> Exception | None:
        joined = Batch(
            [span for batch in batches for span in batch.spans],
            [fact for batch in batches for fact in batch.facts],
            None,
            [log for batch in batches for log in batch.logs],
        )
        started = time.monotonic()
        try:
            store.write(joined)
        except Exception as error:
            self._report(error)
            return error
        self.commits.observe(time.monotonic() - started)
        self.trouble = None
        self._received()
        return None

    def _answer(self, group: Sequence[_Job], error: Exception | None) -> None:
        with self._changed:
            self.waiting -= sum(_batch_size(job.batch) for job in group)
        if error is None:
            self.stored += sum(len(job.batch.spans) for job in group)
        for loop in {job.loop for job in group}:
            futures = [job.done for job in group if job.loop is loop]
            with suppress(RuntimeError):  # the loop is closed, so nobody waits any more
                loop.call_soon_threadsafe(_wake, futures, error)

    def _report(self, error: Exception) -> None:
        """Log what went wrong, unless it is the same as before."""
        message = str(error) if isinstance(error, ClustertraceError) else repr(error)
        if message != self.trouble:
            print(f"clustertrace: {message}", file=sys.stderr)  # noqa: T201 - the receiver's log
        self.trouble, self._chores_failed = message, False


def _batch_size(batch: Batch) -> int:
    """The number of spans and log records, which take about the same space."""
    return len(batch.spans) + len(batch.logs)


def _wake(futures: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
