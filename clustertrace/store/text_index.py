"""The full-text index: kept just behind the commit, at a cost a span that never grows.

The index holds no copy of the texts (an FTS5 table over the view `span_texts`). It is carried
forward by sequence number, a batch an `INSERT … SELECT`; a trigger would cost ten times that.
A span that changes is first forgotten by its number and its old words, never by a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.store.connection import Connection

__all__ = [
    "FIELDS",
    "advance",
    "behind",
    "check",
    "forget",
    "forget_traces",
    "has_more",
    "merge",
    "position",
]

FIELDS: Final = ("name", "input", "output", "error", "attributes")
"""The searchable fields, in the order of the index's columns."""

_COLUMNS: Final = ", ".join(FIELDS)
_POSITION: Final = "text_index_seq"


def position(conn: Connection) -> int:
    """The highest sequence number that has been indexed."""
    return conn.value("SELECT value FROM state WHERE key = ?", (_POSITION,)) or 0


def behind(conn: Connection) -> int:
    """How many spans are stored and not yet indexed."""
    return conn.value("SELECT count(*) FROM spans WHERE seq > ?", (position(conn),)) or 0


def has_more(conn: Connection) -> bool:
    """Whether any span is stored and not yet indexed."""
    return bool(conn.value("SELECT 1 FROM spans WHERE seq > ? LIMIT 1", (position(conn),)))


def advance(conn: Connection, limit: int) -> int:
    """Index the next spans, at most `limit`, in the caller's transaction; how many."""
    done = position(conn)
    upto, count = conn.row(
        "SELECT max(seq), count(*) FROM (SELECT seq FROM spans WHERE seq > ? ORDER BY seq LIMIT ?)",
        (done, limit),
    ) or (None, 0)
    if upto is None:
        return 0
    conn.run(
        f"INSERT INTO span_index (rowid, {_COLUMNS}) SELECT seq, {_COLUMNS} FROM span_texts "
        "WHERE seq > ? AND seq <= ?",
        (done, upto),
    )
    conn.run(
        "INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_POSITION, upto),
    )
    return int(count)


def forget(conn: Connection, keys: Sequence[tuple[bytes, bytes]]) -> None:
    """Take spans out of the index before their rows change: `(trace id, span id)`, binary."""
    done = position(conn)
    for trace_id, span_id in keys:
        conn.run(
            f"INSERT INTO span_index (span_index, rowid, {_COLUMNS}) "
            f"SELECT 'delete', seq, {_COLUMNS} FROM span_texts WHERE seq = "
            "(SELECT seq FROM spans WHERE trace_id = ? AND span_id = ? AND seq <= ?)",
            (trace_id, span_id, done),
        )


def forget_traces(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Take all spans of these traces out of the index, before they go."""
    marks = ", ".join("?" * len(trace_ids))
    conn.run(
        f"INSERT INTO span_index (span_index, rowid, {_COLUMNS}) "
        f"SELECT 'delete', seq, {_COLUMNS} FROM span_texts WHERE seq IN "
        f"(SELECT seq FROM spans WHERE trace_id IN ({marks}) AND seq <= ?)",
        (*trace_ids, position(conn)),
    )


def check(conn: Connection) -> None:
    """Raise StoreCorrupt unless the index, carried forward to its end, holds what the spans say.

    https://www.sqlite.org/fts5.html#the_integrity_check_command
    """
    conn.run("INSERT INTO span_index (span_index, rank) VALUES ('integrity-check', 1)")


def merge(conn: Connection, pages: int, *, begin: bool) -> bool:
    """Merge some pages of the index, which frees what deleted spans left there.

    Whether there is more to merge; `begin` takes in every part of it, as the first step of many
    (https://www.sqlite.org/fts5.html#the_merge_command).
    """
    before = conn.raw.total_changes
    conn.run(
        "INSERT INTO span_index (span_index, rank) VALUES ('merge', ?)",
        (-pages if begin else pages,),
    )
    return conn.raw.total_changes - before >= 2
