"""Deleting what is old or too much, in slices between which other writers get their turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from clustertrace.store import filtering, text_index
from clustertrace.store.connection import Connection
from clustertrace.store.removing import remove_traces

if TYPE_CHECKING:
    from clustertrace.filters import Filter
    from clustertrace.store.store import Store

__all__ = ["Retired", "close_stale", "database_bytes", "retire", "to_retire"]

_SLICE: Final = 200
"""Traces a transaction: some thousand spans, well under a second."""
_PAGES: Final = 2_000
_REST: Final = 0.5
"""Between slices, this share of a slice's time belongs to others."""


class Retired(NamedTuple):
    """Traces that go, or would."""

    traces: int
    spans: int


def to_retire(conn: Connection, where: Filter, max_bytes: int | None = None) -> Retired:
    """What `retire` would delete now; of the size, as far as an average trace tells."""
    condition, params = filtering.condition(where)
    counted = f"SELECT count(*), coalesce(sum(span_count), 0) FROM traces WHERE {condition}"
    traces, spans = conn.row(counted, params) or (0, 0)
    used, all_spans = used_bytes(conn), conn.value("SELECT sum(spans) FROM variant_totals") or 0
    if max_bytes is None or used <= max_bytes or not all_spans:
        return Retired(traces, spans) if max_bytes is None else Retired(0, 0)
    too_many = int(all_spans * (1 - max_bytes / used))
    gone = conn.row(
        "SELECT count(*), coalesce(sum(span_count), 0) FROM"
        " (SELECT span_count, sum(span_count) OVER (ORDER BY start_ns, trace_id) AS so_far"
        f" FROM traces WHERE {condition}) WHERE so_far <= :spans",
        params | {"spans": too_many},
    )
    return Retired(*gone) if gone else Retired(0, 0)


def retire(store: Store, where: Filter, max_bytes: int | None = None) -> Iterator[Retired]:
    """Delete traces that match, the oldest first; with `max_bytes`, only until no more are used.

    Gives what each slice deleted. Then the file is shortened, also in slices.
    """
    while True:
        began = time.monotonic()
        with store.writing() as conn:
            gone = _slice(conn, where, _at_once(conn, max_bytes))
        if not gone.traces:
            break
        yield gone
        time.sleep((time.monotonic() - began) * _REST)
    _shorten(store)


def _at_once(conn: Connection, max_bytes: int | None) -> int:
    """Traces to delete next; of a size, no more than an average trace takes too much room."""
    if max_bytes is None:
        return _SLICE
    used = used_bytes(conn)
    if used <= max_bytes:
        return 0
    traces = conn.value("SELECT sum(traces) FROM variant_totals") or 0
    return max(1, min(_SLICE, int(traces * (1 - max_bytes / used))))


def _slice(conn: Connection, where: Filter, limit: int) -> Retired:
    condition, params = filtering.condition(where)
    rows = conn.rows(
        f"SELECT trace_id, coalesce(span_count, 0) FROM traces WHERE {condition}"
        " ORDER BY start_ns, trace_id LIMIT :slice",
        params | {"slice": limit},
    )
    if rows:
        remove_traces(conn, [row[0] for row in rows])
    return Retired(len(rows), sum(row[1] for row in rows))


def _shorten(store: Store) -> None:
    """Merge what is left of the text index, and give free pages back to the disk."""
    more, begin = True, True
    while more:
        with store.writing() as conn:
            more = text_index.merge(conn, _PAGES, begin=begin)
        begin = False
        time.sleep(0.001)
    while True:
        with store.writing() as conn:
            before = _pragma(conn, "freelist_count")
            # Python steps once through a statement that has no columns: one page, whatever it says.
            for _ in range(min(before, _PAGES)):
                conn.run("PRAGMA incremental_vacuum(1)")
            left = _pragma(conn, "freelist_count")
        if not left or left >= before:
            break
        time.sleep(0.001)


def used_bytes(conn: Connection) -> int:
    """Bytes of the database that hold something."""
    return (_pragma(conn, "page_count") - _pragma(conn, "freelist_count")) * _pragma(
        conn, "page_size"
    )


def database_bytes(conn: Connection) -> int:
    """Bytes of the database's file."""
    return _pragma(conn, "page_count") * _pragma(conn, "page_size")


def _pragma(conn: Connection, name: str) -> int:
    return int(conn.value(f"PRAGMA {name}") or 0)


_STALE: Final = (
    "failed IS NULL AND status = 'running' AND NOT EXISTS"
    " (SELECT 1 FROM spans WHERE spans.trace_id = traces.trace_id"
    "  AND (origin IS NOT NULL OR start_ns >= :since OR end_ns >= :since))"
)
"""Runs without news since then. Those of a recorder are not meant: it is known whether their
process lives, and they end with it."""


def close_stale(store: Store, since_ns: int, *, dry_run: bool) -> int:
    """Say of received traces that run and had no news since then that they never ended; how many.

    News that comes later all the same counts again.
    """
    with store.read() as conn:
        rows = conn.rows(f"SELECT trace_id FROM traces WHERE {_STALE}", {"since": since_ns})
    if not dry_run:
        for at in range(0, len(rows), _SLICE):
            some = rows[at : at + _SLICE]
            with store.writing() as conn:
                conn.many(
                    "UPDATE spans SET status = 'incomplete'"
                    " WHERE trace_id = ? AND status = 'running' AND origin IS NULL",
                    some,
                )
                conn.many("UPDATE traces SET due_ns = coalesce(due_ns, 0) WHERE trace_id = ?", some)
        store.refresh()
    return len(rows)
