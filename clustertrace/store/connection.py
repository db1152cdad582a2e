"""Connections to SQLite: how they are set up, shared, and how their errors read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

from clustertrace.errors import StoreBusy, StoreCorrupt, StoreError, StoreSlow

__all__ = ["Connection", "Pool", "connect", "readable"]

BUSY_MS: Final = 4_000
"""How long a writer waits for another process, milliseconds: well under the ten seconds after
which exporters give up, so that they are told to come back."""

_STEPS_A_LOOK: Final = 100_000
"""SQLite's own steps between two looks at the clock: about a millisecond."""

_CACHE_KIB: Final = 16 * 1024

Params = Sequence[Any] | Mapping[str, Any]


class Connection:
    """A connection that speaks SQL with `?` or `:name` parameters and answers with plain tuples.

    Driver errors become the library's own, with a sentence (`readable`).
    """

    __slots__ = ("path", "raw")

    def __init__(self, raw: sqlite3.Connection, path: Path) -> None:
        self.raw = raw
        self.path = path

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """Every row of the answer."""
        with readable(self.path):
            return self.raw.execute(sql, params).fetchall()

    def parts(self, sql: str, params: Params = (), *, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Every row of the answer, `size` at a time, without holding all of them in memory."""
        with readable(self.path):
            cursor = self.raw.execute(sql, params)
            part = cursor.fetchmany(size)
        while part:
            yield part
            with readable(self.path):
                part = cursor.fetchmany(size)

    def row(self, sql: str, params: Params = ()) -> tuple[Any, ...] | None:
        """The first row of the answer, if there is one."""
        with readable(self.path):
            found: tuple[Any, ...] | None = self.raw.execute(sql, params).fetchone()
            return found

    def value(self, sql: str, params: Params = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, params)
        return None if found is None else found[0]

    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement; how many rows it changed."""
        with readable(self.path):
            return self.raw.execute(sql, params).rowcount

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each row of parameters."""
        with readable(self.path):
            self.raw.executemany(sql, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together or not at all; one writer at a time."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Everything inside is done together or not at all, within a transaction."""
        self.run("SAVEPOINT inside")
        try:
            yield
        except BaseException:
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK TO inside")
                self.raw.execute("RELEASE inside")
            raise
        self.run("RELEASE inside")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Stop what is asked inside when it has taken so long in all, with StoreSlow."""
        end = time.monotonic() + seconds
        self.raw.set_progress_handler(lambda: time.monotonic() > end, _STEPS_A_LOOK)
        try:
            yield
        finally:
            self.raw.set_progress_handler(None, 0)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything inside reads the same state of the database."""
        self.run("BEGIN")
        try:
            yield
        finally:
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self.raw.close()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, each with what to do next."""
    try:
        yield
    except sqlite3.OperationalError as error:
        reason = str(error)
        if reason == "interrupted":
            raise StoreSlow(
                "This looks at too many traces and was stopped; narrow the filter, for instance "
                "with since:7d."
            ) from error
        if "locked" in reason or "busy" in reason:
            raise StoreBusy(
                f"{path} is in use by another program; try again in a moment."
            ) from error
        if "full" in reason or "disk I/O" in reason:
            raise StoreBusy(
                f"{path} can't be written ({reason}); free some disk space and try again."
            ) from error
        if "readonly" in reason or "unable to open" in reason:
            raise StoreError(
                f"{path} can't be opened for writing; check its permissions or choose another "
                "with CLUSTERTRACE_DB."
            ) from error
        raise StoreError(f"{path} could not answer: {reason}.") from error
    except sqlite3.DatabaseError as error:
        raise StoreCorrupt(
            f"{path} is damaged or is no clustertrace database ({error}); nothing was changed: "
            "`clustertrace doctor --set-aside` moves it away, CLUSTERTRACE_DB names another."
        ) from error


def connect(path: Path, *, read_only: bool = False) -> Connection:
    """Open a connection that any thread may use, one at a time."""
    with readable(path):
        raw = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000
        )
        try:
            raw.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            raw.execute("PRAGMA temp_store = MEMORY")
            if read_only:
                raw.execute("PRAGMA query_only = ON")
            else:
                raw.execute("PRAGMA synchronous = NORMAL")
                # What is deleted is overwritten in its page; pages that become free are given back
                # or used again, and so are not written for that (`ON`, which some systems have).
                raw.execute("PRAGMA secure_delete = FAST")
                raw.execute("PRAGMA wal_autocheckpoint = 4000")
        except sqlite3.Error:
            raw.close()
            raise
    return Connection(raw, path)


class Pool:
    """Read-only connections, kept so that their page caches stay warm."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[Connection] = []
        self._lock = Lock()
        self._closed = False

    @contextmanager
    def borrow(self) -> Iterator[Connection]:
        """A connection that sees one state of the database from its first to its last query."""
        with self._lock:
            conn = self._idle.pop() if self._idle else None
        conn = conn or connect(self._path, read_only=True)
        try:
            with conn.snapshot():
                yield conn
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle.append(conn)
            if not keep:
                conn.close()

    def close(self) -> None:
        """Close every idle connection; those in use close when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()
