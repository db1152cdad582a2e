"""The one way in: a batch of spans, facts and records becomes rows, in the caller's transaction.

Writing is idempotent and does not depend on the order of arrival: of two copies of a span the
richer one stays (`_rank`), whichever came first, and a copy that changes nothing leaves no mark.
Nothing is computed here that needs a whole trace; a trace with news is marked as due, and
settling (clustertrace.store.settling) does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from clustertrace.model import Batch, TraceFacts
from clustertrace.pricing import price_span
from clustertrace.store import log_rows, twins
from clustertrace.store.connection import Connection
from clustertrace.store.elsewhere import wake
from clustertrace.store.intake import policy
from clustertrace.store.placing import place, remove
from clustertrace.store.rows import (
    END,
    ORIGIN,
    SAID,
    SEQ,
    START,
    STATUS,
    json_text,
    span_row,
)
from clustertrace.store.unjoined import forget, unjoined

__all__ = ["Written", "chunks", "write"]

T = TypeVar("T")
Row = tuple[Any, ...]
"""A row of `spans`."""
Key = tuple[Any, ...]
"""Trace id and span id, binary."""

SETTLE_AFTER_NS: Final = 200_000_000
"""A trace with news is settled so long after the first of them."""

SETTLE_AFTER_PER_SPAN_NS: Final = 50_000
"""And so much later for each span or record that it has: a long trace costs no more a span."""

_IDS_A_QUERY: Final = 500

_MARK_DUE: Final = (
    "INSERT INTO traces (trace_id, due_ns) VALUES (?, ?) "
    "ON CONFLICT (trace_id) DO UPDATE SET due_ns = coalesce(traces.due_ns, "
    f"excluded.due_ns + coalesce(traces.span_count, 0) * {SETTLE_AFTER_PER_SPAN_NS})"
)

_TELL: Final = (
    "UPDATE traces SET told_name = coalesce(?, told_name), told_status = coalesce(?, told_status),"
    " told_start_ns = coalesce(?, told_start_ns), told_end_ns = coalesce(?, told_end_ns),"
    " told_outcome = coalesce(?, told_outcome), told_reason = coalesce(?, told_reason),"
    " session_id = coalesce(?, session_id), extra = coalesce(?, extra) WHERE trace_id = ?"
)

_GIVE: Final = (
    "UPDATE traces SET given_outcome = coalesce(given_outcome, ?), given_reason ="
    " CASE WHEN given_outcome IS NULL THEN ? ELSE given_reason END,"
    " starred = coalesce(starred, ?), note = coalesce(note, ?) WHERE trace_id = ?"
)
"""What a file says by hand; what was said here already stays."""

_TAG: Final = (
    "INSERT INTO trace_tags VALUES (?, ?, ?, 0) ON CONFLICT (trace_id, key) "
    "DO UPDATE SET value = excluded.value WHERE trace_tags.by_hand = 0"
)

_METRIC: Final = "INSERT INTO trace_metrics VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


class Written(NamedTuple):
    """What became of the spans of a batch."""

    new: int
    updated: int
    same: int
    """Copies of what was there already."""


def write(conn: Connection, batch: Batch, now_ns: int) -> Written:
    """Write a batch inside the caller's transaction."""
    allowed = policy()
    rows = _one_each(allowed.row(price_span(span), batch.origin) for span in batch.spans)
    conn.take(sorted({key[0] for key in rows}))
    stored = _stored(conn, list(rows))
    fresh = [row for key, row in rows.items() if key not in stored]
    changed = [row for key, row in rows.items() if key in stored and _rank(row) > stored[key]]
    keys = [row[:2] for row in changed]
    remove(conn, keys)
    forget(conn, keys)
    first = place(conn, [*fresh, *changed])
    facts = [allowed.facts(fact) for fact in batch.facts]
    touched = {row[0] for row in fresh} | {row[0] for row in changed}
    touched.update(bytes.fromhex(fact.trace_id) for fact in facts)
    touched.update(log_rows.of_sessions(conn, facts))
    starts = [row[START] for row in fresh]
    touched.update(twins.woken_by(conn, facts, starts, (log.turn for log in batch.logs)))
    told = log_rows.add(conn, [allowed.log(log) for log in batch.logs])
    due = now_ns + SETTLE_AFTER_NS
    later = {
        trace_id: log_rows.count(conn, trace_id) * SETTLE_AFTER_PER_SPAN_NS for trace_id in told
    }
    conn.many(
        _MARK_DUE,
        [(trace_id, due + later.get(trace_id, 0)) for trace_id in sorted(touched | told)],
    )
    if first is not None:
        wake(conn, first - 1, due)
    _tell(conn, facts)
    return Written(len(fresh), len(changed), len(batch.spans) - len(fresh) - len(changed))


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _one_each(rows: Iterable[Row]) -> dict[Key, Row]:
    """The best copy of each span of a batch."""
    best: dict[Key, Row] = {}
    for row in rows:
        key = row[:2]
        other = best.get(key)
        if other is None or _rank(row) > _rank(other):
            best[key] = row
    return best


def _stored(conn: Connection, keys: Sequence[Key]) -> dict[Key, tuple[Any, ...]]:
    """The ranks of the stored copies. Spans of new traces, the usual case, cost nothing."""
    known: set[bytes] = set()
    for ids in chunks({key[0] for key in keys}, _IDS_A_QUERY):
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT trace_id FROM traces WHERE trace_id IN ({marks})"
        known.update(row[0] for row in conn.rows(sql, ids))
    found: dict[Key, tuple[Any, ...]] = {}
    for pairs in chunks((key for key in keys if key[0] in known), _IDS_A_QUERY):
        marks = ", ".join(["(?, ?)"] * len(pairs))
        sql = f"SELECT * FROM spans WHERE (trace_id, span_id) IN (VALUES {marks})"
        for row in conn.rows(sql, [part for pair in pairs for part in pair]):
            found[row[:2]] = _rank(row)
    for key, came in unjoined(conn, list(found)).items():
        found[key] = () if came is None else _rank(span_row(came, None))
    return found


def _rank(row: Row) -> tuple[Any, ...]:
    """Which of two copies of a span says more: ended, later, fuller; at last any fixed order."""
    state = {"running": 0, "incomplete": 1}.get(row[STATUS], 2)
    said = [value for value in row[SAID:] if value is not None]
    filled = sum(1 for value in row if value is not None)
    known = tuple((value is not None, value) for value in row[SEQ + 2 : ORIGIN])
    texts = tuple(value or "" for value in row[SAID:])
    return (state, row[END] or 0, filled, sum(map(len, said)), texts, repr(known))


def _tell(conn: Connection, facts: Sequence[TraceFacts]) -> None:
    conn.many(
        _TELL,
        [
            (
                *(fact.name, fact.status, fact.start_ns, fact.end_ns),
                *((None, None) if fact.by_hand else (fact.outcome, fact.outcome_reason)),
                fact.session_id,
                json_text(fact.extra) if fact.extra else None,
                bytes.fromhex(fact.trace_id),
            )
            for fact in facts
        ],
    )
    conn.many(
        _GIVE,
        [
            (
                (fact.outcome or "unknown") if fact.by_hand else None,
                fact.outcome_reason if fact.by_hand else None,
                1 if fact.starred else None,
                fact.note,
                bytes.fromhex(fact.trace_id),
            )
            for fact in facts
            if fact.by_hand or fact.starred or fact.note
        ],
    )
    conn.many(
        _TAG,
        [
            (bytes.fromhex(fact.trace_id), key, value)
            for fact in facts
            for key, value in fact.tags.items()
        ],
    )
    conn.many(
        _METRIC,
        [
            (
                bytes.fromhex(fact.trace_id),
                metric.name,
                metric.time_ns,
                bytes.fromhex(metric.span_id or ""),
                metric.value,
            )
            for fact in facts
            for metric in fact.metrics
        ],
    )
