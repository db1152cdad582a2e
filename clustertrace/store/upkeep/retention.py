"""Delete what is old or too large, in slices between which other writers get their turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clustertrace.store import deletion_heartbeat, filtering
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection
from clustertrace.store.engines import giving_back, shorten
from clustertrace.store.keyed import meeting
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
"""Limits on the spans per transaction; the first one takes the fewest."""
_FREE_PAGES: Final = 2_000
"""Free pages that may be left for later; more would make each search of their list slow."""


class Retired(NamedTuple):
    """Traces that are deleted, or would be."""

    traces: int
    spans: int


class _Candidate(NamedTuple):
    trace_id: bytes
    spans: int
    start_ns: int | None
    """None if it was never settled."""


_ConditionOf = Callable[[Connection], tuple[str, Mapping[str, Any]]]
"""Gives the SQL condition of the traces to delete, for the state that a connection sees."""


def to_retire(conn: Connection, where: Filter, max_bytes: int | None = None) -> Retired:
    """What `retire` would delete from this database now; sizes are estimated by the average."""
    condition, params = _retire_condition(conn, where, max_bytes)(conn)
    counted = f"SELECT count(*), coalesce(sum(span_count), 0) FROM traces WHERE {condition}"
    return Retired(*(conn.row(counted, params) or (0, 0)))


def would_retire(store: Store, where: Filter, max_bytes: int | None = None) -> Retired:
    """What `retire` would delete, on all nodes."""
    nodes = store.nodes()
    per_node = []
    for node in nodes:
        with node.read() as conn:
            per_node.append(to_retire(conn, where, max_bytes and max_bytes // len(nodes)))
    return Retired(
        sum(retired.traces for retired in per_node), sum(retired.spans for retired in per_node)
    )


def retire(store: Store, where: Filter, max_bytes: int | None = None) -> Iterator[Retired]:
    """Delete matching traces, oldest first; with `max_bytes`, only until the size is below it.

    Yields what each slice deleted. At the end nothing of them is left in the file (see `finish`).
    With several shards, each may use an equal part of `max_bytes`.
    """
    nodes = store.nodes()
    for node in nodes:
        yield from _retire_pages(node, where, max_bytes and max_bytes // len(nodes))


def _retire_pages(store: Store, where: Filter, max_bytes: int | None) -> Iterator[Retired]:
    while True:
        with store.writing() as conn:
            condition_of = _retire_condition(conn, where, max_bytes)
            conn.foresee(*condition_of(conn))
            used = conn.used_bytes()
            deletion_heartbeat.beat(conn)
        deleted = 0
        with giving_back(store):
            for slice_ in _delete_pages(store, condition_of):
                deleted += slice_.traces
                yield slice_
        finish(store)
        # PostgreSQL does not return the space of deleted rows, so one round has to do there.
        if max_bytes is None or not deleted or used <= _used_bytes(store):
            break


def _used_bytes(store: Store) -> int:
    with store.read() as conn:
        return conn.used_bytes()


def finish(store: Store) -> None:
    """Remove what deleted runs have left in the text index and the file.

    Also completes a deletion that was interrupted.
    """
    turns = Turns(store, _FEWEST, _MOST)

    def step(conn: Connection) -> bool:
        has_more = conn.texts.tidy(conn, turns.size)
        if has_more:
            deletion_heartbeat.beat(conn)
        else:
            deletion_heartbeat.clear(conn)
        return has_more

    while turns.take(step):
        shorten(store, _FREE_PAGES)
    shorten(store)


def _retire_condition(conn: Connection, where: Filter, max_bytes: int | None) -> _ConditionOf:
    if max_bytes is None:
        return lambda conn: filtering.condition(conn, where)
    used, spans = conn.used_bytes(), conn.value("SELECT sum(spans) FROM variant_totals") or 0
    if used <= max_bytes:
        return lambda _: ("FALSE", {})
    condition, params = filtering.condition(conn, where)
    # The oldest traces, up to the one at which enough spans are reached, at the average size.
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


def _delete_pages(store: Store, condition_of: _ConditionOf) -> Iterator[Retired]:
    turns = Turns(store, _FEWEST, _MOST)
    for page in _pages_to_retire(store, condition_of):
        while page:
            if page[0].spans > 2 * turns.size:
                batch = page[:1]
                removed = batch if _remove_long(turns, page[0], condition_of) else []
            else:
                batch = _first_within(page, turns.size)
                removed = turns.take(
                    partial(_remove_matching, batch=batch, condition_of=condition_of)
                )
            page = page[len(batch) :]
            yield Retired(len(removed), sum(trace.spans for trace in removed))


def _remove_matching(
    conn: Connection, batch: Sequence[_Candidate], condition_of: _ConditionOf
) -> list[_Candidate]:
    """Remove the traces of a batch that still match."""
    matching = _still_matching(conn, batch, condition_of)
    remove_traces(conn, [trace.trace_id for trace in matching])
    deletion_heartbeat.beat(conn)
    return matching


def _remove_long(turns: Turns, trace: _Candidate, condition_of: _ConditionOf) -> bool:
    """Remove a trace with very many spans, some at a time; returns whether it still matched.

    This is checked once, while it is complete: the filter may be about spans that go first.
    """

    def begin(conn: Connection) -> bool:
        still_matches = bool(_still_matching(conn, [trace], condition_of))
        if still_matches:
            remove_spans(conn, trace_id=trace.trace_id, limit=turns.size)
        return still_matches

    spans_left = trace.spans - turns.size
    if not turns.take(begin):
        return False
    while spans_left > 2 * turns.size:
        spans_left -= turns.size
        turns.take(partial(remove_spans, trace_id=trace.trace_id, limit=turns.size))

    def end(conn: Connection) -> None:
        remove_traces(conn, [trace.trace_id])
        deletion_heartbeat.beat(conn)

    turns.take(end)
    return True


def _still_matching(
    conn: Connection, batch: Sequence[_Candidate], condition_of: _ConditionOf
) -> list[_Candidate]:
    """The traces that still match: one may have been starred since they were read."""
    matching = meeting(conn, [trace.trace_id for trace in batch], *condition_of(conn))
    return [trace for trace in batch if trace.trace_id in matching]


def _pages_to_retire(store: Store, condition_of: _ConditionOf) -> Iterator[list[_Candidate]]:
    """The traces to delete, oldest first; each page must be deleted before the next is read."""
    last: _Candidate | None = None
    while True:
        with store.read() as conn:
            condition, params = condition_of(conn)
            if last is not None and last.start_ns is not None:
                # Not from the start again, where the traces are that stay.
                condition += " AND start_ns >= :after AND (start_ns > :after OR trace_id > :last)"
                params = {**params, "after": last.start_ns, "last": last.trace_id}
            rows = conn.rows(
                "SELECT trace_id, coalesce(span_count, 0), start_ns FROM traces"
                f" WHERE {condition} ORDER BY start_ns, trace_id LIMIT :page",
                {**params, "page": _READ_AHEAD},
            )
        if not rows:
            return
        page = [_Candidate(*row) for row in rows]
        last = page[-1]
        yield page


def _first_within(page: Sequence[_Candidate], spans: int) -> list[_Candidate]:
    """The first traces that have at most so many spans together, but at least one trace."""
    total = 0
    for number, trace in enumerate(page):
        total += trace.spans
        if total > spans and number:
            return list(page[:number])
    return list(page)


_SLICE: Final = 200
"""Traces per transaction of `close_stale`."""

_STALE: Final = (
    "failed IS NULL AND status = 'running' AND NOT EXISTS"
    " (SELECT 1 FROM spans WHERE spans.trace_id = traces.trace_id"
    "  AND (origin IS NOT NULL OR start_ns >= :since OR end_ns >= :since))"
)
"""Running traces without news since then. Those of a recorder are excluded: they end with their
process, which is watched."""


def close_stale(store: Store, since_ns: int, *, dry_run: bool) -> int:
    """Mark received traces that run without news since then as incomplete; returns how many.

    Later news reopens them.
    """
    with store.read() as conn:
        rows = conn.rows(f"SELECT trace_id FROM traces WHERE {_STALE}", {"since": since_ns})
    if dry_run:
        return len(rows)
    ended = 0
    for batch in chunks((trace_id.hex() for (trace_id,) in rows), _SLICE):
        for node, node_ids in store.split(batch):
            with node.writing() as conn:
                ended += _close_traces(conn, node_ids, since_ns)
    store.refresh()
    return ended


def _close_traces(conn: Connection, trace_ids: Sequence[str], since_ns: int) -> int:
    """Close the traces that are still stale, in the caller's transaction."""
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
