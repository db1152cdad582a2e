"""Partition spans and their words by month of arrival, so that old months are dropped at once.

A span's number includes its month: the high bits count the months since 1970 (UTC), the low bits
the spans of that month. So the bounds of each month's partition are known beforehand. Uniqueness
does not need an index over all partitions: a span's key is guarded by the locks on its trace
(`PostgresConnection.take`), and numbers come from one sequence. Numbers below the first month's
belong to spans that were copied from a database without months, or came before the first month.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from psycopg import errors

if TYPE_CHECKING:
    from clustertrace.store.postgres.connection import PostgresConnection

__all__ = ["BITS", "drop", "make_room", "month_of", "reached"]

BITS: Final = 40
"""Low bits of a number: enough for a trillion spans per month."""

_TABLES: Final = ("spans", "span_index")
"""The tables that have a partition per month."""

_EPOCH: Final = 1970
_LOCK: Final = "clustertrace months"
_DROP_WAIT_MS: Final = 500
"""How long a drop may wait for others, who queue behind it meanwhile."""

_ADVANCE_NUMBERS: Final = (
    "SELECT setval('span_numbers', %(first)s + mod(mod(last_value - %(first)s, seqincrement)"
    " + seqincrement, seqincrement)) FROM span_numbers, pg_sequence"
    " WHERE seqrelid = 'span_numbers'::regclass AND last_value < %(first)s"
)
"""Advance to this database's first number of a month: of three shards, each has every third."""


def month_of(moment_ns: int) -> int:
    """The month (UTC) of a time, counted from 1970."""
    day = datetime.fromtimestamp(moment_ns / 1e9, UTC)
    return (day.year - _EPOCH) * 12 + day.month - 1


def reached(conn: PostgresConnection, known: int) -> int:
    """The month of new numbers; `known` is the last answer on this connection.

    A month's partitions are created in one transaction and its numbers used only in later ones, so
    a number always has a committed partition.
    """
    month = month_of(time_ns())
    if month <= known:
        return known
    conn.take_turns(_LOCK)
    if not _exists(conn, month):
        _create(conn, month)
        return known
    conn.raw.execute(_ADVANCE_NUMBERS, {"first": month << BITS})
    return month


def make_room(conn: PostgresConnection, numbers: Iterable[int]) -> None:
    """Create the partitions for spans that are copied with their numbers."""
    months = {number >> BITS for number in numbers} - {0}
    if months:
        conn.take_turns(_LOCK)
    for month in sorted(months):
        if not _exists(conn, month):
            _create(conn, month)


def drop(conn: PostgresConnection, condition: str, params: Mapping[str, Any]) -> None:
    """Drop the earlier months in which every span belongs to a trace that will be removed.

    `condition` selects these traces. Their rows in other tables stay, to be removed trace by trace,
    and so do spans of months that others are reading for long.
    """
    current_month = conn.value("SELECT last_value FROM span_numbers") >> BITS
    droppable = [
        month
        for month in _months(conn)
        if month < current_month
        and _is_droppable(conn, _partition_name("spans", month), condition, params)
    ]
    if not droppable:
        return
    names = ", ".join(_partition_name(table, month) for month in droppable for table in _TABLES)
    try:
        with conn.savepoint():
            conn.raw.execute(f"SET LOCAL lock_timeout = {_DROP_WAIT_MS}")
            conn.raw.execute(f"DROP TABLE {names}")
    except errors.LockNotAvailable:
        return


def _is_droppable(
    conn: PostgresConnection, part: str, condition: str, params: Mapping[str, Any]
) -> bool:
    """Whether every span of a partition belongs to a trace that will be removed.

    The newest span is checked first, as it usually stays if the month does.
    """
    newest = f"(SELECT trace_id FROM {part} ORDER BY seq DESC LIMIT 1)"
    for rows_of in (newest, part):
        if conn.rows(
            f"SELECT 1 FROM {rows_of} AS part WHERE NOT EXISTS (SELECT 1 FROM traces"
            f" WHERE traces.trace_id = part.trace_id AND ({condition})) LIMIT 1",
            params,
        ):
            return False
    return True


def _months(conn: PostgresConnection) -> list[int]:
    """The months that have partitions, earliest first."""
    rows = conn.raw.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
        " WHERE inhparent = 'spans'::regclass AND relname ~ '^spans_[0-9]{4}_[0-9]{2}$'"
        " ORDER BY relname"
    )
    parts = (name.rsplit("_", 2)[1:] for (name,) in rows)
    return [(int(year) - _EPOCH) * 12 + int(month) - 1 for year, month in parts]


def _exists(conn: PostgresConnection, month: int) -> bool:
    return conn.has_table(_partition_name("spans", month))


def _create(conn: PostgresConnection, month: int) -> None:
    """Create a month's partitions. Attaching a new table does not make readers wait."""
    for table in _TABLES:
        name = _partition_name(table, month)
        conn.control(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
        conn.control(
            f"ALTER TABLE {table} ATTACH PARTITION {name}"
            f" FOR VALUES FROM ({month << BITS}) TO ({(month + 1) << BITS})"
        )


def _partition_name(table: str, month: int) -> str:
    return f"{table}_{_EPOCH + month // 12}_{month % 12 + 1:02}"
