"""Connections to SQLite: how they are set up, and how their errors read."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from clustertrace.errors import StoreBusy, StoreCorrupt, StoreError, StoreSlow
from clustertrace.store.connection import Connection, Params, TableSize
from clustertrace.store.migrations.revisions import refuse_newer
from clustertrace.store.sqlite import text_index
from clustertrace.store.sqlite.sizes import table_sizes

__all__ = ["SqliteConnection", "connect", "readable"]

BUSY_MS: Final = 4_000
"""How long a writer waits for another process, milliseconds: well under the ten seconds after
which exporters give up, so that they get an answer to retry."""

_STEPS_A_LOOK: Final = 100_000
"""SQLite steps between two looks at the clock: about a millisecond."""

_CACHE_KIB: Final = 16 * 1024


class SqliteConnection(Connection):
    """A connection to a file, which has only one writer at a time."""

    texts = text_index
    claimed = ""

    def __init__(self, raw: sqlite3.Connection, path: Path) -> None:
        self.raw = raw
        self.path = path
        self.name = str(path)
        self._file = _file_at(path)
        self._schema_version = -1

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        with readable(self.path):
            return self.raw.execute(sql, params).fetchall()

    def parts(self, sql: str, params: Params = (), *, size: int) -> Iterator[list[tuple[Any, ...]]]:
        with readable(self.path):
            cursor = self.raw.execute(sql, params)
            part = cursor.fetchmany(size)
        while part:
            yield part
            with readable(self.path):
                part = cursor.fetchmany(size)

    def row(self, sql: str, params: Params = ()) -> tuple[Any, ...] | None:
        with readable(self.path):
            first_row: tuple[Any, ...] | None = self.raw.execute(sql, params).fetchone()
            return first_row

    def run(self, sql: str, params: Params = ()) -> int:
        with readable(self.path):
            return self.raw.execute(sql, params).rowcount

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        with readable(self.path):
            self.raw.executemany(sql, rows)

    def control(self, sql: str) -> None:
        self.run(sql)

    @property
    def in_transaction(self) -> bool:
        return self.raw.in_transaction

    def begin(self, *, reading: bool) -> None:
        self.run("BEGIN" if reading else "BEGIN IMMEDIATE")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        end = time.monotonic() + seconds
        self.raw.set_progress_handler(lambda: time.monotonic() > end, _STEPS_A_LOOK)
        try:
            yield
        finally:
            self.raw.set_progress_handler(None, 0)

    def take(self, trace_ids: Sequence[bytes], *, wait: bool = True) -> Sequence[bytes]:
        """Nothing to do: a transaction that writes is alone."""
        return trace_ids

    def take_turns(self, work: str) -> None:
        """Nothing to do: a transaction that writes is alone."""

    def numbers(self, count: int) -> Sequence[int]:
        highest = self.value("SELECT max(seq) FROM spans") or 0
        first = max(highest, text_index.position(self)) + 1
        return range(first, first + count)

    def number_beyond(self, highest: int) -> None:
        """Nothing to do: new numbers are always higher than those of stored spans."""

    def make_room(self, numbers: Iterable[int]) -> None:
        """Nothing to do: there are no partitions."""

    def foresee(self, condition: str, params: Mapping[str, Any]) -> None:
        self.texts.foresee(self, condition, params)

    def last_number(self) -> int:
        return self.value("SELECT max(seq) FROM spans") or 0

    def has_table(self, name: str) -> bool:
        return bool(self.value("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)))

    def engine(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def table_sizes(self) -> list[TableSize]:
        return table_sizes(self)

    def used_bytes(self) -> int:
        return (self.pragma("page_count") - self.pragma("freelist_count")) * self.pragma(
            "page_size"
        )

    def size_bytes(self) -> int:
        return self.pragma("page_count") * self.pragma("page_size")

    def pragma(self, name: str) -> int:
        """The value of a numeric pragma."""
        return int(self.value(f"PRAGMA {name}") or 0)

    def is_current(self) -> bool:
        return _file_at(self.path) == self._file

    def refuse_newer(self) -> None:
        # SQLite changes this number with every change of the schema.
        schema_version = self.pragma("schema_version")
        if schema_version != self._schema_version:
            refuse_newer(self)
            self._schema_version = schema_version

    def close(self) -> None:
        self.raw.close()


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, which say what to do."""
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
            if path.is_dir():
                raise StoreError(
                    f"{path} is a folder; name a file in it with CLUSTERTRACE_DB."
                ) from error
            raise StoreError(
                f"{path} can't be opened for writing, which reading takes too; check its "
                "permissions, copy it to a folder of yours, or choose another with CLUSTERTRACE_DB."
            ) from error
        if reason == "parser stack overflow":
            raise StoreError("This filter is nested too deeply for SQLite; split it.") from error
        raise StoreError(f"{path} could not answer: {reason}.") from error
    except sqlite3.DatabaseError as error:
        raise StoreCorrupt(
            f"{path} is damaged or is not a clustertrace database ({error}); nothing was changed: "
            "`clustertrace doctor --set-aside` moves it away, CLUSTERTRACE_DB names another."
        ) from error


def connect(path: Path, *, read_only: bool = False) -> SqliteConnection:
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
                # Deleted content is overwritten in its page. Pages that become free are not: they
                # are returned or reused (`ON`, the default of some systems, would overwrite them).
                raw.execute("PRAGMA secure_delete = FAST")
                raw.execute("PRAGMA wal_autocheckpoint = 4000")
        except sqlite3.Error:
            raw.close()
            raise
    return SqliteConnection(raw, path)


def _file_at(path: Path) -> tuple[int, int] | None:
    """The identity of the file at a path; None if there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
