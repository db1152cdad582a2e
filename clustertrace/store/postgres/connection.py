"""Connections to PostgreSQL: how they are set up, and how their errors read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from clustertrace.errors import StoreBusy, StoreError, StoreSlow
from clustertrace.store.connection import Connection, Crossed, Params, TableSize
from clustertrace.store.migrations.revisions import refuse_newer
from clustertrace.store.place import Place
from clustertrace.store.postgres import months, text_index
from clustertrace.store.postgres.adapters import adapt
from clustertrace.store.postgres.dialect import translated

__all__ = ["PostgresConnection", "connect", "readable"]

_CONNECT_SECONDS: Final = 4
"""How long a server may take to connect, so that exporters get an answer in time."""

_LOCK_MS: Final = 4_000
"""How long a writer waits for another one, milliseconds."""

_PLAIN_INSERT: Final = re.compile(r"INSERT INTO (\w+) VALUES \(\?(?:, \?)*\)")
"""A statement for which COPY does the same in a fifth of the time."""

_UNREACHABLE_SHARD: Final = re.compile(r'could not connect to server "(shard [^"]+)"')
"""A coordinator's error about a shard (clustertrace.store.postgres.shards)."""

_NUMBERING: Final = "clustertrace numbering"
"""The lock that writers share from numbering their spans until these are committed."""

_SIZES: Final = (
    # Partitions count as parts of their table.
    "SELECT coalesce(inhparent::regclass::text, relname) AS name, min(reltuples) >= 0,"
    " sum(reltuples), sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid)) FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = relnamespace LEFT JOIN pg_inherits ON inhrelid = c.oid"
    " WHERE relkind = 'r' AND n.nspname = current_schema() GROUP BY name ORDER BY name"
)

_TRACE_LOCK_CLASS: Final = 7777
"""The class of the locks on traces: an arbitrary number that nobody else uses."""
_TRACE_LOCKS: Final = 512
"""How many locks all traces share: a server has room for a few thousand."""
_WAITING_LOCK: Final = (
    "SELECT share, pg_advisory_xact_lock(%(class)s, share) FROM unnest(%(of)s::int[]) share"
)
_LOCK_AT_ONCE: Final = (
    "SELECT share FROM unnest(%(of)s::int[]) share"
    " WHERE pg_try_advisory_xact_lock(%(class)s, share)"
)

_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresConnection(Connection):
    """A connection to a server; several programs may write at once."""

    texts = text_index
    claimed = "FOR UPDATE SKIP LOCKED"

    def __init__(self, raw: psycopg.Connection[tuple[Any, ...]], name: str) -> None:
        self.raw = raw
        self.name = name
        self._cursors = 0
        self._month = 0
        """The newest month seen so far (clustertrace.store.postgres.months)."""

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        with readable(self.name):
            return self.raw.execute(translated(sql), params).fetchall()

    def parts(self, sql: str, params: Params = (), *, size: int) -> Iterator[list[tuple[Any, ...]]]:
        self._cursors += 1
        name = f"parts_{self._cursors}"
        with readable(self.name):
            whole = psycopg.ClientCursor(self.raw).mogrify(translated(sql), params)
            self.raw.execute(f"DECLARE {name} CURSOR FOR {whole}")
        try:
            while True:
                with readable(self.name):
                    part = self.raw.execute(f"FETCH {size:d} FROM {name}").fetchall()
                if not part:
                    return
                yield part
        finally:
            if self.raw.info.transaction_status == TransactionStatus.INTRANS:
                self.control(f"CLOSE {name}")

    def row(self, sql: str, params: Params = ()) -> tuple[Any, ...] | None:
        with readable(self.name):
            return self.raw.execute(translated(sql), params).fetchone()

    def run(self, sql: str, params: Params = ()) -> int:
        with readable(self.name):
            return self.raw.execute(translated(sql), params).rowcount

    def many(self, sql: str, rows: Iterable[Params]) -> None:
        insertion = _PLAIN_INSERT.fullmatch(sql)
        with readable(self.name), self.raw.cursor() as cursor:
            if insertion is None:
                cursor.executemany(translated(sql), rows)
                return
            with cursor.copy(f"COPY {insertion[1]} FROM STDIN") as copy:
                for row in rows:
                    assert isinstance(row, tuple)
                    copy.write_row(row)

    def control(self, sql: str) -> None:
        with readable(self.name):
            self.raw.execute(sql)

    @property
    def in_transaction(self) -> bool:
        return self.raw.info.transaction_status in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
            TransactionStatus.ACTIVE,
        )

    def begin(self, *, reading: bool) -> None:
        self.control(_BEGIN_READING if reading else "BEGIN")

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        # A timeout aborts the transaction, or only the part of it after this savepoint.
        self.control("SAVEPOINT timed")
        self.control(f"SET LOCAL statement_timeout = {max(1, int(seconds * 1000))}")
        try:
            yield
        except BaseException:
            if self.in_transaction:
                self.control("ROLLBACK TO timed")
            raise
        finally:
            if self.in_transaction:
                self.control("SET LOCAL statement_timeout = 0")
                self.control("RELEASE timed")

    def take(self, trace_ids: Sequence[bytes], *, wait: bool = True) -> Sequence[bytes]:
        # Row locks would need rows. Always locked in the same order, so that two writers never
        # deadlock.
        shares = sorted({_lock_number(trace_id) for trace_id in trace_ids})
        lock = _WAITING_LOCK if wait else _LOCK_AT_ONCE
        with readable(self.name):
            locked = {
                row[0] for row in self.raw.execute(lock, {"class": _TRACE_LOCK_CLASS, "of": shares})
            }
        return [trace_id for trace_id in trace_ids if _lock_number(trace_id) in locked]

    def take_turns(self, work: str) -> None:
        with readable(self.name):
            self.raw.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (work,))

    def numbers(self, count: int) -> Sequence[int]:
        if not count:
            return ()
        with readable(self.name):
            self.raw.execute("SELECT pg_advisory_xact_lock_shared(hashtext(%s))", (_NUMBERING,))
            self._month = months.reached(self, self._month)
            rows = self.raw.execute(
                "SELECT nextval('span_numbers') FROM generate_series(1, %s)", (count,)
            )
            return [row[0] for row in rows]

    def last_number(self) -> int:
        # Writers with uncommitted numbers share this lock, so this waits for all of them.
        with readable(self.name):
            self.raw.execute("SELECT pg_advisory_lock(hashtext(%s))", (_NUMBERING,))
            try:
                last_value = self.raw.execute("SELECT last_value FROM span_numbers").fetchone()
            finally:
                self.raw.execute("SELECT pg_advisory_unlock(hashtext(%s))", (_NUMBERING,))
        assert last_value is not None
        return int(last_value[0])

    def number_beyond(self, highest: int) -> None:
        with readable(self.name):
            self.raw.execute(
                "SELECT setval('span_numbers', %s) FROM span_numbers WHERE last_value <= %s",
                (highest, highest),
            )

    def make_room(self, numbers: Iterable[int]) -> None:
        with readable(self.name):
            months.make_room(self, numbers)

    def foresee(self, condition: str, params: Mapping[str, Any]) -> None:
        with readable(self.name):
            months.drop(self, condition, params)

    def has_table(self, name: str) -> bool:
        return bool(self.value("SELECT to_regclass(?) IS NOT NULL", (name,)))

    def engine(self) -> str:
        return f"PostgreSQL {self.raw.info.parameter_status('server_version')}"

    def table_sizes(self) -> list[TableSize]:
        with readable(self.name):
            rows_found = self.raw.execute(_SIZES).fetchall()
        return [
            TableSize(
                name,
                # A table that was not analysed yet is new and small, so that counting is quick.
                int(rows) if is_estimated else self.value(f"SELECT count(*) FROM {name}"),
                int(table_bytes),
                int(index_bytes),
                estimated=is_estimated,
            )
            for name, is_estimated, rows, table_bytes, index_bytes in rows_found
        ]

    def used_bytes(self) -> int:
        return self.size_bytes()

    def size_bytes(self) -> int:
        return int(self.value("SELECT pg_database_size(current_database())"))

    def is_current(self) -> bool:
        return not (self.raw.closed or self.raw.broken)

    def refuse_newer(self) -> None:
        refuse_newer(self)

    def close(self) -> None:
        self.raw.close()


def _lock_number(trace_id: bytes) -> int:
    return int.from_bytes(trace_id[-2:]) % _TRACE_LOCKS


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn the driver's errors into ours, which say what to do."""
    try:
        yield
    except errors.QueryCanceled as error:
        raise StoreSlow(
            "This looks at too many traces and was stopped; narrow the filter, for instance "
            "with since:7d."
        ) from error
    except (errors.DeadlockDetected, errors.SerializationFailure) as error:
        raise Crossed(f"{name} is in use by other programs; try again in a moment.") from error
    except (errors.LockNotAvailable, errors.TooManyConnections) as error:
        raise StoreBusy(f"{name} is in use by other programs; try again in a moment.") from error
    except (errors.DiskFull, errors.OutOfMemory) as error:
        raise StoreBusy(
            f"{name} can't be written ({_reason(error)}); free some room there and try again."
        ) from error
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        raise StoreError(
            f"{name} does not let its user do this ({_reason(error)}); grant it, or name another "
            "user in CLUSTERTRACE_DB."
        ) from error
    except psycopg.OperationalError as error:
        if unreachable := _UNREACHABLE_SHARD.search(str(error)):
            raise StoreBusy(
                f"{unreachable[1]}, on which {name} keeps a part of the runs, does not answer; "
                "start its server, and try again."
            ) from error
        raise StoreBusy(
            f"{name} does not answer ({_reason(error)}); start its server, and try again."
        ) from error
    except psycopg.Error as error:
        raise StoreError(f"{name} could not answer: {_reason(error)}.") from error


def connect(place: Place, *, read_only: bool = False) -> PostgresConnection:
    """Open a connection that any thread may use, one at a time. Raises StoreBusy or StoreError."""
    url = place.text.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        # Client-side binding puts values into statements, so that the server infers their types.
        raw = psycopg.connect(
            url,
            autocommit=True,
            cursor_factory=psycopg.ClientCursor,
            connect_timeout=_CONNECT_SECONDS,
            application_name="clustertrace",
            options=f"-c lock_timeout={0 if read_only else _LOCK_MS} -c jit=off",
        )
    except psycopg.Error as error:
        raise _refused(place.name, error) from None
    adapt(raw)
    return PostgresConnection(raw, place.name)


def _refused(name: str, error: psycopg.Error) -> StoreError:
    """Why connecting failed: StoreBusy if the server may come back, else StoreError."""
    reason = _reason(error)
    for words, advice in (
        ("password", "write it into CLUSTERTRACE_DB as user:password@host, or into ~/.pgpass"),
        ("does not exist", "create it with `createdb` and `createuser`, or name another"),
        ("no pg_hba.conf entry", "let this machine in, in the server's pg_hba.conf"),
        ("invalid", "write CLUSTERTRACE_DB as postgresql+psycopg://user@host/name"),
    ):
        if words in reason:
            return StoreError(f"{name} can't be opened ({reason}); {advice}.")
    return StoreBusy(f"{name} does not answer ({reason}); start its server, and try again.")


def _reason(error: psycopg.Error) -> str:
    """The message of the server or the driver on one line, without its severity."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no reason"]
    message = next((line for line in lines if "FATAL" in line or "ERROR" in line), lines[0])
    return re.sub(r"^.*?(?:FATAL|ERROR):\s*", "", message).rstrip(".")
