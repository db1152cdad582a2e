"""Spans and their words by the month in which they came, so that an old month goes as a whole.

The number of a span says its month: its high bits count the months since 1970 (UTC), its low ones
the spans of that month. So each month is a partition whose bounds are known beforehand, and what is
unique stays so: a span's key is held by the locks on its trace (`PostgresConnection.take`), and no
two spans have one number. Numbers below the first month's are of spans that were copied from a
database without months, or came before the first month began.
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
"""Low bits of a number: a million million spans a month."""

_TABLES: Final = ("spans", "span_index")
"""The tables that have a partition a month."""

_EPOCH: Final = 1970
_LOCK: Final = "clustertrace months"
_PATIENCE_MS: Final = 500
"""How long a drop may wait for others; they wait as long behind it."""

_MOVE: Final = (
    "SELECT setval('span_numbers', %(first)s + mod(mod(last_value - %(first)s, seqincrement)"
    " + seqincrement, seqincrement)) FROM span_numbers, pg_sequence"
    " WHERE seqrelid = 'span_numbers'::regclass AND last_value < %(first)s"
)
"""To the first number of a month that this database gives: of three shards each gives a third."""


def month_of(moment_ns: int) -> int:
    """The month of a moment (UTC), counted from 1970."""
    day = datetime.fromtimestamp(moment_ns / 1e9, UTC)
    return (day.year - _EPOCH) * 12 + day.month - 1


def reached(conn: PostgresConnection, known: int) -> int:
    """The month that numbers are given in; `known` is the last answer in this connection.

    A month's partitions are made in one transaction, and its numbers are given in later ones: so
    there is always a partition that is committed.
    """
    month = month_of(time_ns())
    if month <= known:
        return known
    conn.take_turns(_LOCK)
    if not _is_made(conn, month):
        _make(conn, month)
        return known
    conn.raw.execute(_MOVE, {"first": month << BITS})
    return month


def make_room(conn: PostgresConnection, numbers: Iterable[int]) -> None:
    """Make the partitions of spans that bring their numbers along."""
    months = {number >> BITS for number in numbers} - {0}
    if months:
        conn.take_turns(_LOCK)
    for month in sorted(months):
        if not _is_made(conn, month):
            _make(conn, month)


def drop(conn: PostgresConnection, condition: str, params: Mapping[str, Any]) -> None:
    """Drop the months before this one of which each span is of a trace that is going to be removed.

    `condition` says which traces these are. What else is known of them stays, and is removed trace
    by trace. So are the spans of a month that others read for long.
    """
    now = conn.value("SELECT last_value FROM span_numbers") >> BITS
    going = [
        month
        for month in _months(conn)
        if month < now and _goes_whole(conn, _name("spans", month), condition, params)
    ]
    if not going:
        return
    names = ", ".join(_name(table, month) for month in going for table in _TABLES)
    try:
        with conn.savepoint():
            conn.raw.execute(f"SET LOCAL lock_timeout = {_PATIENCE_MS}")
            conn.raw.execute(f"DROP TABLE {names}")
    except errors.LockNotAvailable:
        return


def _goes_whole(
    conn: PostgresConnection, part: str, condition: str, params: Mapping[str, Any]
) -> bool:
    """Whether every span of a partition is of a trace that goes.

    The one that came last is asked first: of a month that stays it does too, most often.
    """
    newest = f"(SELECT trace_id FROM {part} ORDER BY seq DESC LIMIT 1)"
    for asked in (newest, part):
        if conn.rows(
            f"SELECT 1 FROM {asked} AS part WHERE NOT EXISTS (SELECT 1 FROM traces"
            f" WHERE traces.trace_id = part.trace_id AND ({condition})) LIMIT 1",
            params,
        ):
            return False
    return True


def _months(conn: PostgresConnection) -> list[int]:
    """The months that have partitions, the earliest first."""
    rows = conn.raw.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
        " WHERE inhparent = 'spans'::regclass AND relname ~ '^spans_[0-9]{4}_[0-9]{2}$'"
        " ORDER BY relname"
    )
    parts = (name.rsplit("_", 2)[1:] for (name,) in rows)
    return [(int(year) - _EPOCH) * 12 + int(month) - 1 for year, month in parts]


def _is_made(conn: PostgresConnection, month: int) -> bool:
    return conn.has_table(_name("spans", month))


def _make(conn: PostgresConnection, month: int) -> None:
    """Make a month's partitions. Attached, not created as such, nobody who reads has to wait."""
    for table in _TABLES:
        name = _name(table, month)
        conn.control(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL EXCLUDING INDEXES)")
        conn.control(
            f"ALTER TABLE {table} ATTACH PARTITION {name}"
            f" FOR VALUES FROM ({month << BITS}) TO ({(month + 1) << BITS})"
        )


def _name(table: str, month: int) -> str:
    return f"{table}_{_EPOCH + month // 12}_{month % 12 + 1:02}"
