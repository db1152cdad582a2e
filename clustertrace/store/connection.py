"""Connections to a database, whichever it is: SQL in, plain tuples out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clustertrace.errors import StoreBusy

if TYPE_CHECKING:
    from clustertrace.store.search.index import Texts

__all__ = ["TEXT_INDEX", "Connection", "Crossed", "Params", "Pool", "TableSize", "placeholders"]

Params = Sequence[Any] | Mapping[str, Any]

TEXT_INDEX: Final = "span_index"
"""How the names of the text index's tables begin."""


def placeholders(values: Sized) -> str:
    """As many placeholders as there are values, with commas: `IN (?, ?, ?)`."""
    return ", ".join("?" * len(values))


class TableSize(NamedTuple):
    """How much a table holds, and what that takes on the disk."""

    name: str
    rows: int
    table_bytes: int | None
    """None: this SQLite was built without the means to tell."""
    index_bytes: int | None
    estimated: bool
    """Whether the number of rows is the server's estimate."""


class Crossed(StoreBusy):
    """What another program did at the same time came between; done again, it will succeed."""


class Connection(ABC):
    """A connection that speaks SQL with `?` or `:name` parameters and answers with plain tuples.

    The SQL is SQLite's, as far as PostgreSQL has the same; what each does in a way of its own
    stands below and in `texts`. Drivers' errors become the library's, with a sentence.
    """

    name: str
    """What the database is called where people see it."""
    texts: Texts
    """Its full-text index."""
    claimed: str
    """What ends a SELECT of rows to work on, so that several programs take different ones."""

    @abstractmethod
    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """Every row of the answer."""

    @abstractmethod
    def parts(self, sql: str, params: Params = (), *, size: int) -> Iterator[list[tuple[Any, ...]]]:
        """Every row of the answer, `size` at a time, without holding all of them in memory."""

    @abstractmethod
    def row(self, sql: str, params: Params = ()) -> tuple[Any, ...] | None:
        """The first row of the answer, if there is one."""

    def value(self, sql: str, params: Params = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.row(sql, params)
        return None if found is None else found[0]

    @abstractmethod
    def run(self, sql: str, params: Params = ()) -> int:
        """Run one statement; how many rows it changed."""

    @abstractmethod
    def many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each row of parameters."""

    @abstractmethod
    def control(self, sql: str) -> None:
        """Begin or end a transaction or a part of one."""

    @property
    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and not ended."""

    @abstractmethod
    def begin(self, *, reading: bool) -> None:
        """Begin a transaction; `reading`: one that sees one state of the database."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together or not at all."""
        self.begin(reading=False)
        try:
            yield
            self.control("COMMIT")
        except BaseException:
            if self.in_transaction:
                self.control("ROLLBACK")
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Everything inside is done together or not at all, within a transaction."""
        self.control("SAVEPOINT inside")
        try:
            yield
        except BaseException:
            if self.in_transaction:
                self.control("ROLLBACK TO inside")
                self.control("RELEASE inside")
            raise
        self.control("RELEASE inside")

    @abstractmethod
    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Stop what is asked inside when it has taken so long in all, with StoreSlow."""

    @abstractmethod
    def take(self, trace_ids: Sequence[bytes], *, wait: bool = True) -> Sequence[bytes]:
        """Let nobody else change these traces until the transaction ends.

        Those that are ours then: without `wait`, not those that somebody else changes just now.
        """

    @abstractmethod
    def take_turns(self, work: str) -> None:
        """Let nobody else do the work of this name until the transaction ends."""

    @abstractmethod
    def numbers(self, count: int) -> Sequence[int]:
        """So many sequence numbers for spans, rising, beyond all that were given before."""

    @abstractmethod
    def last_number(self) -> int:
        """The highest sequence number up to which every span is committed."""

    @abstractmethod
    def number_beyond(self, highest: int) -> None:
        """Let numbers that are given from now on be higher than this one."""

    @abstractmethod
    def make_room(self, numbers: Iterable[int]) -> None:
        """Spans that bring these sequence numbers along are about to come."""

    @abstractmethod
    def foresee(self, condition: str, params: Mapping[str, Any]) -> None:
        """Traces of a condition are going to be removed, in many transactions.

        What holds nothing else may go at once.
        """

    @abstractmethod
    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""

    @abstractmethod
    def engine(self) -> str:
        """The program that keeps the database, and its version."""

    @abstractmethod
    def table_sizes(self) -> list[TableSize]:
        """Every table, by name; those of the text index together, as `TEXT_INDEX`."""

    @abstractmethod
    def used_bytes(self) -> int:
        """Bytes of the database that hold something."""

    @abstractmethod
    def size_bytes(self) -> int:
        """Bytes of the database on the disk."""

    @abstractmethod
    def is_current(self) -> bool:
        """Whether it leads to the database that has the name now, and is not broken."""

    @abstractmethod
    def refuse_newer(self) -> None:
        """Raise StoreTooNew where a newer program has migrated the database meanwhile."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; a second call does nothing."""


class Pool:
    """Read-only connections, kept so that their caches stay warm."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._idle: list[Connection] = []
        self._lock = Lock()
        self._closed = False

    @contextmanager
    def borrow(self) -> Iterator[Connection]:
        """A connection that sees one state of the database from its first to its last query."""
        conn = self._begun()
        try:
            yield conn
        finally:
            keep = False
            try:
                if conn.in_transaction:
                    conn.control("ROLLBACK")
                keep = conn.is_current()
            finally:
                with self._lock:
                    keep = keep and not self._closed
                    if keep:
                        self._idle.append(conn)
                if not keep:
                    conn.close()

    def _begun(self) -> Connection:
        """A connection in a snapshot; idle ones may have been cut off by their server."""
        while True:
            with self._lock:
                conn = self._idle.pop() if self._idle else None
            if conn is None:
                break
            try:
                conn.begin(reading=True)
            except StoreBusy:
                conn.close()
            else:
                return conn
        conn = self._connect()
        try:
            conn.begin(reading=True)
        except BaseException:
            conn.close()
            raise
        return conn

    def close(self) -> None:
        """Close every idle connection; those in use close when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for conn in idle:
            conn.close()
