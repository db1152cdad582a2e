"""Deleting what is old or too large, in slices between which other writers get their turn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clustertrace.store import filtering
from clustertrace.store.connection import Connection
from clustertrace.store.engines import giving_back, shorten
from clustertrace.store.going_on import goes_on
from clustertrace.store.settling.removing import remove_spans, remove_traces
from clustertrace.store.turns import Turns
from clustertrace.store.writing import news

if TYPE_CHECKING:
    from clustertrace.filters import Filter
    from clustertrace.store.store import Store

__all__ = ["Retired", "close_stale", "finish", "retire", "to_retire", "would_retire"]

_READ_AHEAD: Final = 5_000
_FEWEST: Final = 1_000
_MOST: Final = 100_000
"""Spans of a transaction; the first has the fewest."""
_FREE_PAGES: Final = 2_000
"""So many may be left for later: to look for one of a long list takes long."""


class Retired(NamedTuple):
    """Traces that go, or would."""

    traces: int
    spans: int


class _Going(NamedTuple):
    trace_id: bytes
    spans: int
    start_ns: int | None
    """None: it was never settled."""


_Meant = Callable[[Connection], tuple[str, Mapping[str, Any]]]
"""The condition of the traces that are meant, for the state of the database that is seen."""


def to_retire(conn: Connection, where: Filter, max_bytes: int | None = None) -> Retired:
    """What `retire` would delete of this database now; of the size, as an average trace tells."""
    condition, params = _retire_condition(conn, where, max_bytes)(conn)
    counted = f"SELECT count(*), coalesce(sum(span_count), 0) FROM traces WHERE {condition}"
    return Retired(*(conn.row(counted, params) or (0, 0)))


def would_retire(store: Store, where: Filter, max_bytes: int | None = None) -> Retired:
    """What `retire` would delete, wherever the runs lie."""
    nodes = store.nodes()
    found = []
    for node in nodes:
        with node.read() as conn:
            found.append(to_retire(conn, where, max_bytes and max_bytes // len(nodes)))
    return Retired(sum(one.traces for one in found), sum(one.spans for one in found))


def retire(store: Store, where: Filter, max_bytes: int | None = None) -> Iterator[Retired]:
    """Delete traces that match, the oldest first; with `max_bytes`, only until no more are used.

    Gives what each slice deleted. At the end nothing of them is left in the file (see `finish`).
    Where runs lie on several shards, each may use an equal part of the bytes.
    """
    nodes = store.nodes()
    for node in nodes:
        yield from _retire_pages(node, where, max_bytes and max_bytes // len(nodes))


def _retire_pages(store: Store, where: Filter, max_bytes: int | None) -> Iterator[Retired]:
    while True:
        with store.writing() as conn:
            meant = _retire_condition(conn, where, max_bytes)
            conn.foresee(*meant(conn))
            used = conn.used_bytes()
            goes_on(conn, time.time_ns())
        gone = 0
        with giving_back(store):
            for slice_ in _delete_pages(store, meant):
                gone += slice_.traces
                yield slice_
        finish(store)
        # PostgreSQL keeps the room of what is deleted for itself, so there one round has to do.
        if max_bytes is None or not gone or used <= _used_bytes(store):
            break


def _used_bytes(store: Store) -> int:
    with store.read() as conn:
        return conn.used_bytes()


def finish(store: Store) -> None:
    """Take what deleted runs have left out of the text index and the file.

    As much of it as a deletion that was broken off has left undone.
    """
    turns = Turns(store, _FEWEST, _MOST)

    def step(conn: Connection) -> bool:
        more = conn.texts.tidy(conn, turns.size)
        goes_on(conn, time.time_ns() if more else None)
        return more

    while turns.take(step):
        shorten(store, _FREE_PAGES)
    shorten(store)


def _retire_condition(conn: Connection, where: Filter, max_bytes: int | None) -> _Meant:
    if max_bytes is None:
        return lambda conn: filtering.condition(conn, where)
    used, spans = conn.used_bytes(), conn.value("SELECT sum(spans) FROM variant_totals") or 0
    if used <= max_bytes:
        return lambda _: ("FALSE", {})
    condition, params = filtering.condition(conn, where)
    # Up to the one that it takes to have so many spans, as many bytes as it takes on average.
    newest = conn.value(
        "SELECT max(start_ns) FROM (SELECT start_ns, sum(span_count) OVER (ORDER BY start_ns,"
        f" trace_id) - span_count AS before FROM traces WHERE {condition}) AS oldest"
        " WHERE before < :spans",
        {**params, "spans": spans * (1 - max_bytes / used)},
    )

    def oldest(conn: Connection) -> tuple[str, Mapping[str, Any]]:
        condition, params = filtering.condition(conn, where)
        return f"{condition} AND start_ns <= :newest", {**params, "newest": newest}

    return oldest


def _delete_pages(store: Store, meant: _Meant) -> Iterator[Retired]:
    turns = Turns(store, _FEWEST, _MOST)
    for page in _pages_to_retire(store, meant):
        while page:
            if page[0].spans > 2 * turns.size:
                some = page[:1]
                gone = some if _remove_long(turns, page[0], meant) else []
            else:
                some = _first_within(page, turns.size)
                gone = turns.take(partial(_remove_matching, some=some, meant=meant))
            page = page[len(some) :]
            yield Retired(len(gone), sum(one.spans for one in gone))


def _remove_matching(conn: Connection, some: Sequence[_Going], meant: _Meant) -> list[_Going]:
    """Remove those of some that are still meant."""
    gone = _still_matching(conn, some, meant)
    remove_traces(conn, [one.trace_id for one in gone])
    goes_on(conn, time.time_ns())
    return gone


def _remove_long(turns: Turns, one: _Going, meant: _Meant) -> bool:
    """Remove a trace of very many spans, some at a time, if it is still meant: whether it was.

    That is asked once, while it is whole: a filter may be about spans that go first.
    """

    def begin(conn: Connection) -> bool:
        found = bool(_still_matching(conn, [one], meant))
        if found:
            remove_spans(conn, trace_id=one.trace_id, limit=turns.size)
        return found

    left = one.spans - turns.size
    if not turns.take(begin):
        return False
    while left > 2 * turns.size:
        left -= turns.size
        turns.take(partial(remove_spans, trace_id=one.trace_id, limit=turns.size))

    def end(conn: Connection) -> None:
        remove_traces(conn, [one.trace_id])
        goes_on(conn, time.time_ns())

    turns.take(end)
    return True


def _still_matching(conn: Connection, some: Sequence[_Going], meant: _Meant) -> list[_Going]:
    """Those that are: a star may have come since they were read."""
    condition, params = meant(conn)
    names = [f"going{number}" for number in range(len(some))]
    still = conn.rows(
        f"SELECT trace_id FROM traces WHERE {condition}"
        f" AND trace_id IN ({', '.join(f':{name}' for name in names)})",
        {**params, **dict(zip(names, (one.trace_id for one in some), strict=True))},
    )
    known = {trace_id for (trace_id,) in still}
    return [one for one in some if one.trace_id in known]


def _pages_to_retire(store: Store, meant: _Meant) -> Iterator[list[_Going]]:
    """The traces that are meant, oldest first; each page must be gone before the next is read."""
    last: _Going | None = None
    while True:
        with store.read() as conn:
            condition, params = meant(conn)
            if last is not None and last.start_ns is not None:
                # Not from the beginning again, where those stand that stay.
                condition += " AND start_ns >= :after AND (start_ns > :after OR trace_id > :last)"
                params = {**params, "after": last.start_ns, "last": last.trace_id}
            rows = conn.rows(
                "SELECT trace_id, coalesce(span_count, 0), start_ns FROM traces"
                f" WHERE {condition} ORDER BY start_ns, trace_id LIMIT :page",
                {**params, "page": _READ_AHEAD},
            )
        if not rows:
            return
        page = [_Going(*row) for row in rows]
        last = page[-1]
        yield page


def _first_within(page: Sequence[_Going], spans: int) -> list[_Going]:
    """As many of the first as have so many spans together, and at least one."""
    so_far = 0
    for number, one in enumerate(page):
        so_far += one.spans
        if so_far > spans and number:
            return list(page[:number])
    return list(page)


_SLICE: Final = 200
"""Traces of a transaction that ends them."""

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
    if dry_run:
        return len(rows)
    ended = 0
    for at in range(0, len(rows), _SLICE):
        some = [trace_id.hex() for (trace_id,) in rows[at : at + _SLICE]]
        for part, own in store.split(some):
            with part.writing() as conn:
                ended += _close_traces(conn, own, since_ns)
    store.refresh()
    return ended


def _close_traces(conn: Connection, trace_ids: Sequence[str], since_ns: int) -> int:
    """Close those that are still stale, in the caller's transaction; news may have come since."""
    stale = f"SELECT 1 FROM traces WHERE trace_id = :trace_id AND {_STALE}"
    keys = [
        key
        for key in map(bytes.fromhex, trace_ids)
        if conn.value(stale, {"trace_id": key, "since": since_ns})
    ]
    conn.many(
        "UPDATE spans SET status = 'incomplete'"
        " WHERE trace_id = ? AND status = 'running' AND origin IS NULL",
        [(key,) for key in keys],
    )
    news.mark(conn, [(key, 0) for key in keys])
    return len(keys)
