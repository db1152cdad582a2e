"""The only writer: a batch of spans, facts and records becomes rows, which are then written.

Writing is idempotent and does not depend on the order of arrival: of two copies of a span the
richer one is kept (`_rank`), whichever came first, and a copy that changes nothing does not mark
the trace. Nothing is computed here that needs a whole trace; a trace with news is marked as due,
and settling (clustertrace.store.settling.settle) does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from clustertrace.errors import ClustertraceError
from clustertrace.model import Batch, TraceFacts
from clustertrace.pricing import price_span
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection
from clustertrace.store.keyed import SpanKey, keyed
from clustertrace.store.rows import (
    END,
    INPUT,
    ORIGIN,
    PARENT,
    START,
    STATUS,
    json_text,
    span_row,
)
from clustertrace.store.writing import log_rows, news, span_rows, twins, unjoined
from clustertrace.store.writing.intake import policy
from clustertrace.store.writing.shared_calls import wake

__all__ = ["Prepared", "Written", "prepared", "write"]

T = TypeVar("T")
Made = TypeVar("Made")
Row = tuple[Any, ...]
"""A row of `spans`."""

_LOG: Final = logging.getLogger("clustertrace")

_FACT_COLUMNS: Final = (
    *("told_name", "told_status", "told_start_ns", "told_end_ns"),
    *("told_outcome", "told_reason", "session_id", "extra"),
)

_UPSERT_FACTS: Final = (
    f"INSERT INTO traces (trace_id, {', '.join(_FACT_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (trace_id) DO UPDATE SET "
    + ", ".join(f"{name} = coalesce(excluded.{name}, traces.{name})" for name in _FACT_COLUMNS)
)

_UPSERT_BY_HAND: Final = (
    "INSERT INTO traces (trace_id, given_outcome, given_reason, starred, note)"
    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET"
    " given_outcome = coalesce(traces.given_outcome, excluded.given_outcome), given_reason ="
    " CASE WHEN traces.given_outcome IS NULL THEN excluded.given_reason"
    " ELSE traces.given_reason END,"
    " starred = coalesce(traces.starred, excluded.starred),"
    " note = coalesce(traces.note, excluded.note)"
)
"""What a file says by hand; what was said here already stays."""

_UPSERT_TAG: Final = (
    "INSERT INTO trace_tags VALUES (?, ?, ?, 0) ON CONFLICT (trace_id, key) "
    "DO UPDATE SET value = excluded.value WHERE trace_tags.by_hand = 0"
)

_INSERT_METRIC: Final = "INSERT INTO trace_metrics VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"


class Written(NamedTuple):
    """What became of the spans of a batch."""

    new: int
    updated: int
    same: int
    """Copies of what was there already."""


class Prepared(NamedTuple):
    """A batch as it may be stored."""

    spans: int
    rows: Mapping[SpanKey, Row]
    """The best copy of each span."""
    facts: Sequence[TraceFacts]
    logs: Sequence[Row]
    """Rows of `logs`."""


def prepared(batch: Batch) -> Prepared:
    """Everything that can be done before the database is locked: prices, secrets, rows.

    What no row can be made of costs nothing but itself, and a line in the log.
    """
    intake = policy()
    origin = batch.origin
    rows = list(_convert_each(lambda span: intake.row(price_span(span), origin), batch.spans))
    return Prepared(
        len(rows),
        _best_copies(rows),
        list(_convert_each(intake.facts, batch.facts)),
        list(_convert_each(intake.log, batch.logs)),
    )


def _convert_each(make: Callable[[T], Made], records: Iterable[T]) -> Iterator[Made]:
    """What is made of each record that something can be made of."""
    for record in records:
        try:
            yield make(record)
        except ClustertraceError:
            raise
        except Exception as error:
            _LOG.warning(
                # Not what the error says: it may quote the record, secrets included.
                "A %s of trace %s can't be stored (%s), all others are; please report this.",
                type(record).__name__.lower(),
                getattr(record, "trace_id", "unknown"),
                type(error).__name__,
            )


def write(conn: Connection, batch: Prepared, now_ns: int) -> Written:
    """Write a batch inside the caller's transaction."""
    rows, facts = batch.rows, batch.facts
    conn.take(list({key[0] for key in rows}))
    stored_ranks = _stored_ranks(conn, list(rows))
    fresh = (
        [row for key, row in rows.items() if key not in stored_ranks]
        if stored_ranks
        else [*rows.values()]
    )
    changed = [rows[key] for key in stored_ranks if _rank(rows[key]) > stored_ranks[key]]
    if changed:
        keys = [row[:2] for row in changed]
        span_rows.remove(conn, keys)
        unjoined.forget(conn, keys)
    first_seq = span_rows.insert(conn, [*fresh, *changed])
    touched = {row[0] for row in fresh} | {row[0] for row in changed}
    touched.update(bytes.fromhex(fact.trace_id) for fact in facts)
    touched.update(log_rows.of_sessions(conn, facts))
    starts = [row[START] for row in fresh]
    touched.update(twins.woken_by(conn, facts, starts, log_rows.turns_of(batch.logs)))
    traces_of_logs = log_rows.add(conn, batch.logs)
    due_ns = now_ns + news.SETTLE_AFTER_NS
    extra_delay = {
        trace_id: log_rows.count(conn, trace_id) * news.PER_SPAN_NS for trace_id in traces_of_logs
    }
    news.mark(
        conn,
        (
            (trace_id, due_ns + extra_delay.get(trace_id, 0))
            for trace_id in sorted(touched | traces_of_logs)
        ),
    )
    if first_seq is not None:
        wake(conn, first_seq - 1, due_ns)
    _write_facts(conn, facts)
    return Written(len(fresh), len(changed), batch.spans - len(fresh) - len(changed))


def _best_copies(rows: Iterable[Row]) -> dict[SpanKey, Row]:
    """The best copy of each span of a batch."""
    best: dict[SpanKey, Row] = {}
    for row in rows:
        key = row[:2]
        other = best.get(key)
        if other is None or _rank(row) > _rank(other):
            best[key] = row
    return best


def _stored_ranks(conn: Connection, keys: Sequence[SpanKey]) -> dict[SpanKey, tuple[Any, ...]]:
    """The ranks of the stored copies. Spans of new traces, the usual case, cost nothing."""
    known_traces: set[bytes] = set()
    for ids in chunks({key[0] for key in keys}):
        marks = ", ".join(["(?)"] * len(ids))
        sql = (
            f"SELECT column1 FROM (VALUES {marks}) AS asked"
            " WHERE EXISTS (SELECT 1 FROM spans WHERE spans.trace_id = column1)"
        )
        known_traces.update(row[0] for row in conn.rows(sql, ids))
    ranks: dict[SpanKey, tuple[Any, ...]] = {}
    for pairs in chunks(key for key in keys if key[0] in known_traces):
        sql = f"SELECT spans.* FROM {keyed('spans', len(pairs))}"
        for row in conn.rows(sql, [part for pair in pairs for part in pair]):
            ranks[row[:2]] = _rank(row)
    for key, original_span in unjoined.originals(conn, list(ranks)).items():
        ranks[key] = () if original_span is None else _rank(span_row(original_span, None))
    return ranks


def _rank(row: Row) -> tuple[Any, ...]:
    """Which of two copies of a span says more: ended, later, fuller; at last any fixed order."""
    state = {"running": 0, "incomplete": 1}.get(row[STATUS], 2)
    payload = [value for value in row[INPUT:] if value is not None]
    filled_count = sum(1 for value in row if value is not None)
    columns = tuple((value is not None, value) for value in row[PARENT:ORIGIN])
    texts = tuple(value or "" for value in row[INPUT:])
    return (state, row[END] or 0, filled_count, sum(map(len, payload)), texts, repr(columns))


def _write_facts(conn: Connection, facts: Sequence[TraceFacts]) -> None:
    rows = [
        (
            *(bytes.fromhex(fact.trace_id), fact.name, fact.status, fact.start_ns, fact.end_ns),
            *((None, None) if fact.by_hand else (fact.outcome, fact.outcome_reason)),
            fact.session_id,
            json_text(fact.extra) if fact.extra else None,
        )
        for fact in facts
    ]
    # Most facts are tags alone.
    conn.many(_UPSERT_FACTS, [row for row in rows if any(value is not None for value in row[1:])])
    conn.many(
        _UPSERT_BY_HAND,
        [
            (
                bytes.fromhex(fact.trace_id),
                (fact.outcome or "unknown") if fact.by_hand else None,
                fact.outcome_reason if fact.by_hand else None,
                1 if fact.starred else None,
                fact.note,
            )
            for fact in facts
            if fact.by_hand or fact.starred or fact.note
        ],
    )
    conn.many(
        _UPSERT_TAG,
        [
            (bytes.fromhex(fact.trace_id), key, value)
            for fact in facts
            for key, value in fact.tags.items()
        ],
    )
    conn.many(
        _INSERT_METRIC,
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
