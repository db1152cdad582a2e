"""A database of traces: open it, write through it, read from it.

The writer, and what is done behind it, are loaded when there is something to do: most commands find
nothing, and would take half as long again.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Final, Self, TypeVar

from clustertrace.model import Batch
from clustertrace.store import deletion_heartbeat
from clustertrace.store.connection import Connection, Crossed, Pool
from clustertrace.store.engines import opened
from clustertrace.store.place import Place, place_of
from clustertrace.store.settling import due
from clustertrace.store.writing import draining, news
from clustertrace.store.writing.draining import Drained

if TYPE_CHECKING:
    from clustertrace.store.writing.writer import Prepared, Written

__all__ = ["Store"]

_SETTLE_SLICE: Final = 200
_INDEX_SLICE: Final = 5000
_TRAITS_SLICE: Final = 200
_PROMPTS_SLICE: Final = 200
_PARTIAL_SLICES: Final = 50
_NEVER: Final = 2**63 - 1
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.05

_INTAKE_SETTINGS: Final = (
    *("CLUSTERTRACE_CAPTURE", "CLUSTERTRACE_MAX_PAYLOAD_BYTES", "CLUSTERTRACE_REDACT_PATTERNS"),
    "CLUSTERTRACE_PRICING_JSON",
)
"""Settings of what is kept of a span."""

T = TypeVar("T")


class Store:
    """One database. Any thread may use it: writes take turns, reads do not wait for them."""

    is_spread: ClassVar[bool] = False
    """Whether its traces lie on several servers."""

    def __init__(self, place: Place, writer_connection: Connection) -> None:
        self.place = place
        self._lock = Lock()
        self._use_connection(writer_connection)

    def _use_connection(self, conn: Connection) -> None:
        self._conn = conn
        self._readers = Pool(lambda: opened(self.place, read_only=True))

    @property
    def path(self) -> Path:
        """The database's file; a server's database has one that is not there (Place.path)."""
        return self.place.path

    @property
    def spool(self) -> Path:
        """Where recorders of this database leave their spans."""
        return self.place.spool

    @staticmethod
    def open(db: str | Path | None = None) -> Store:
        """Open a database, making or migrating it as needed.

        `db` is what CLUSTERTRACE_DB may be, a path or a URL; None reads that variable.
        Raises StoreError, StoreCorrupt, StoreTooNew or BadSetting.
        """
        place = place_of(db)
        _check_settings()
        conn = opened(place)
        if not place.is_file:
            from clustertrace.store.postgres.shards import shards_of

            if shards := shards_of(conn):
                from clustertrace.store.distributed import DistributedStore

                return DistributedStore(place, conn, shards)
        return Store(place, conn)

    def write(self, batch: Batch) -> Written:
        """Commit a batch in one transaction; idempotent by trace and span id."""
        from clustertrace.store.writing.writer import prepared

        return self.write_prepared(prepared(batch))

    def write_prepared(self, rows: Prepared) -> Written:
        """Commit a batch that has been prepared."""
        return self._run(lambda conn: self.put(conn, rows, time.time_ns()))

    def put(self, conn: Connection, batch: Prepared, now_ns: int) -> Written:
        """Write a batch inside a transaction of `writing`."""
        from clustertrace.store.writing.writer import write

        return write(conn, batch, now_ns)

    def end(self, conn: Connection, segment: str) -> None:
        """End what ran in the process of a spool segment, inside a transaction of `writing`."""
        draining.end(conn, segment)

    def nodes(self) -> Sequence[Store]:
        """The stores that hold the runs: this one; where they are spread, one for each shard."""
        return (self,)

    def split(self, trace_ids: Sequence[str]) -> Iterator[tuple[Store, list[str]]]:
        """The store in which to change these traces, and which of them; several where they are."""
        yield self, list(trace_ids)

    def remove(self, *trace_ids: str) -> None:
        """Take traces out again, with all that followed from them; unknown ones are no matter."""
        ids = [bytes.fromhex(one) for one in trace_ids]
        from clustertrace.store.settling.removing import remove_traces

        self._run(lambda conn: remove_traces(conn, ids))

    def drain(self, *, wait: float = draining.LOCK_SECONDS, limit: int | None = None) -> Drained:
        """Read what recorders have left in the spool, or about `limit` bytes of it.

        Raises StoreBusy if another process drains for longer than `wait` seconds.
        """
        with self._lock:
            into = draining.Into(self.put, self.end)
            return draining.drain(
                self._current_connection(), self.spool, wait=wait, limit=limit, into=into
            )

    def settle(self, *, everything: bool = False, limit: int = _SETTLE_SLICE) -> int:
        """Settle traces that are due, or `everything` with news; how many, at most `limit`."""
        until = _NEVER if everything else time.time_ns()

        def work(conn: Connection) -> int:
            from clustertrace.store.settling.settle import settle_due

            return settle_due(conn, until, limit)

        return self._run_if(lambda conn: news.has_due(conn, until), work)

    def index_text(self, *, limit: int = _INDEX_SLICE) -> int:
        """Carry the text index forward by at most `limit` spans; how many were added."""
        return self._run_if(
            lambda conn: conn.texts.has_more(conn), lambda conn: conn.texts.advance(conn, limit)
        )

    def tidy_text(self, *, limit: int = _INDEX_SLICE) -> bool:
        """Take a step towards a text index without words of deleted spans; whether more are left.

        As much work as indexing `limit` spans, at most; nothing while a deletion goes on.
        """
        return bool(
            self._run_if(
                lambda conn: conn.texts.left(conn) and not deletion_heartbeat.is_alive(conn),
                lambda conn: conn.texts.tidy(conn, limit),
            )
        )

    def note_traits(self, *, limit: int = _TRAITS_SLICE) -> int:
        """Work out what is true of finished runs, at most `limit` of them; how many."""

        def work(conn: Connection) -> int:
            from clustertrace.store.settling.traits import advance

            return advance(conn, limit)

        return self._run_if(due.traits, work)

    def note_prompts(self, *, limit: int = _PROMPTS_SLICE) -> int:
        """Look at what users wrote to begin runs, at most `limit` of these; how many."""

        def work(conn: Connection) -> int:
            from clustertrace.store.queries.templates import templates
            from clustertrace.store.settling.prompts import advance

            return advance(conn, templates(conn), limit)

        return self._run_if(due.prompts, work)

    def refresh(self) -> None:
        """Take in all that is there: spools drained, traces settled, texts and more noted.

        Every command that reads does this first, so that it sees what has been recorded.
        """
        self.drain()
        self._catch_up(news.count, lambda: self.settle(everything=True), _SETTLE_SLICE)
        self._catch_up(lambda conn: conn.texts.behind(conn), self.index_text, _INDEX_SLICE)
        self.note_all()

    def note_all(self) -> None:
        """Work out the traits and prompts of every run that is waiting for it."""
        self._catch_up(due.count_traits, self.note_traits, _TRAITS_SLICE)
        self._catch_up(due.count_prompts, self.note_prompts, _PROMPTS_SLICE)

    def _catch_up(
        self, waiting: Callable[[Connection], int], step: Callable[[], int], full_slice: int
    ) -> None:
        """Repeat a step, which returns how much it did, until there is nothing left to do.

        While other programs write, there always is. Once as much is done as was waiting, here or by
        them, slices that are not full only bring what came meanwhile, or what followed: so many are
        enough.
        """
        left = self._count(waiting)
        partial_slices = 0
        while partial_slices < _PARTIAL_SLICES and (done := step()):
            left -= done
            if done < full_slice:
                left = min(left, self._count(waiting))
                partial_slices += left <= 0

    def _count(self, waiting: Callable[[Connection], int]) -> int:
        with self.read() as conn:
            return waiting(conn)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only connection for clustertrace.store.queries, on one state of the database."""
        if not self._conn.is_current():
            with self._lock:
                self._current_connection()
        with self._readers.borrow() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The writer's connection, in one transaction; everybody else waits, so be brief."""
        with self._lock, self._current_connection().transaction():
            yield self._conn

    def _run_if(
        self, is_wanted: Callable[[Connection], object], work: Callable[[Connection], int]
    ) -> int:
        """Do some work in one transaction if it is wanted; else 0."""
        with self._lock:
            if not is_wanted(self._current_connection()):
                return 0
        return self._run(work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        """Do some work in one transaction; again, where another program's came between."""
        with self._lock:
            for _ in range(_TRIES - 1):
                try:
                    return self._run_once(work)
                except Crossed:
                    time.sleep(random.random() * _PAUSE_SECONDS)
            return self._run_once(work)

    def _run_once(self, work: Callable[[Connection], T]) -> T:
        with self._current_connection().transaction():
            return work(self._conn)

    def _current_connection(self) -> Connection:
        """The writer's connection, to the database that is there now; the caller holds the lock.

        Written to a file that has lost its name, spans would be acknowledged and lost: where it was
        removed or replaced, or a server has gone away, the database is opened anew. Raises
        StoreTooNew where a newer program has migrated it meanwhile.
        """
        if not self._conn.is_current():
            old, readers = self._conn, self._readers
            self._use_connection(opened(self.place))
            readers.close()
            old.close()
        self._conn.refuse_newer()
        return self._conn

    def close(self) -> None:
        """Close every connection."""
        self._readers.close()
        with self._lock:
            self._conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _check_settings() -> None:
    """Tell now, not with the first span, of a setting that can't be used. Raises BadSetting."""
    if any(os.environ.get(name) for name in _INTAKE_SETTINGS):
        from clustertrace.pricing import own_prices
        from clustertrace.store.writing.intake import policy

        policy()
        own_prices()
