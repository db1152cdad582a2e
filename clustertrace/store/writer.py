"""The one way in: a batch of spans and facts becomes rows, in the caller's transaction.

Writing is idempotent and does not depend on the order of arrival: of two copies of a span the
richer one stays (`_rank`), whichever came first, and a copy that changes nothing leaves no mark.
Nothing is computed here that needs a whole trace; a trace with news is marked as due, and
settling (clustertrace.store.settling) does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.pricing import price_span
from clustertrace.store import text_index
from clustertrace.store.connection import Connection
from clustertrace.store.rows import SPAN_COLUMNS, json_text, span_of_row, span_row

__all__ = ["Written", "chunks", "write"]

T = TypeVar("T")

SETTLE_AFTER_NS: Final = 200_000_000
"""A trace with news is settled so long after the first of them."""

SETTLE_AFTER_PER_SPAN_NS: Final = 50_000
"""And so much later for each span that it has, so that a long trace costs no more a span."""

_IDS_A_QUERY: Final = 500
_INSERT_SPAN: Final = f"INSERT INTO spans VALUES ({', '.join('?' * 26)})"

_MARK_DUE: Final = (
    "INSERT INTO traces (trace_id, due_ns) VALUES (?, ?) "
    "ON CONFLICT (trace_id) DO UPDATE SET due_ns = coalesce(traces.due_ns, "
    f"excluded.due_ns + coalesce(traces.span_count, 0) * {SETTLE_AFTER_PER_SPAN_NS})"
)

_TELL: Final = (
    "UPDATE traces SET told_name = coalesce(?, told_name), told_status = coalesce(?, told_status),"
    " told_start_ns = coalesce(?, told_start_ns), told_end_ns = coalesce(?, told_end_ns),"
    " session_id = coalesce(?, session_id), outcome = coalesce(?, outcome),"
    " outcome_reason = coalesce(?, outcome_reason), extra = coalesce(?, extra) WHERE trace_id = ?"
)

_TAG: Final = (
    "INSERT INTO trace_tags VALUES (?, ?, ?) "
    "ON CONFLICT (trace_id, key) DO UPDATE SET value = excluded.value"
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
    spans = _one_each(batch.spans)
    stored = _stored(conn, spans)
    fresh: list[Span] = []
    changed: list[Span] = []
    for key, span in spans.items():
        before = stored.get(key)
        if before is None:
            fresh.append(price_span(span))
        else:
            span = price_span(span)
            if _rank(span) > _rank(before):
                changed.append(span)
    text_index.forget(conn, [(span.trace_id, span.span_id) for span in changed])
    conn.many(
        "DELETE FROM spans WHERE trace_id = ? AND span_id = ?",
        [(bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)) for span in changed],
    )
    seq = conn.value("SELECT max(seq) FROM spans") or 0
    seq = max(seq, text_index.position(conn))
    conn.many(
        _INSERT_SPAN,
        [span_row(span, seq + n, batch.origin) for n, span in enumerate((*fresh, *changed), 1)],
    )
    touched = {span.trace_id for span in fresh} | {span.trace_id for span in changed}
    touched.update(fact.trace_id for fact in batch.facts)
    due = now_ns + SETTLE_AFTER_NS
    conn.many(_MARK_DUE, [(bytes.fromhex(trace_id), due) for trace_id in sorted(touched)])
    _tell(conn, batch.facts)
    return Written(len(fresh), len(changed), len(batch.spans) - len(fresh) - len(changed))


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _one_each(spans: Sequence[Span]) -> dict[tuple[str, str], Span]:
    """The best copy of each span of a batch."""
    best: dict[tuple[str, str], Span] = {}
    for span in spans:
        key = (span.trace_id, span.span_id)
        other = best.get(key)
        if other is None or _rank(span) > _rank(other):
            best[key] = span
    return best


def _stored(conn: Connection, spans: dict[tuple[str, str], Span]) -> dict[tuple[str, str], Span]:
    """The stored copies of these spans. Spans of new traces, the usual case, cost nothing."""
    traces = {trace_id for trace_id, _ in spans}
    known: set[bytes] = set()
    for ids in chunks((bytes.fromhex(trace_id) for trace_id in traces), _IDS_A_QUERY):
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT trace_id FROM traces WHERE trace_id IN ({marks})"
        known.update(row[0] for row in conn.rows(sql, ids))
    if not known:
        return {}
    found: dict[tuple[str, str], Span] = {}
    keys = [
        pair
        for pair in ((bytes.fromhex(trace), bytes.fromhex(span)) for trace, span in spans)
        if pair[0] in known
    ]
    for pairs in chunks(keys, _IDS_A_QUERY):
        marks = ", ".join(["(?, ?)"] * len(pairs))
        sql = f"SELECT {SPAN_COLUMNS} FROM spans WHERE (trace_id, span_id) IN (VALUES {marks})"
        for row in conn.rows(sql, [part for pair in pairs for part in pair]):
            span = span_of_row(row)
            found[span.trace_id, span.span_id] = span
    return found


def _rank(span: Span) -> tuple[Any, ...]:
    """Which of two copies of a span says more: ended, later, fuller; at last any fixed order."""
    state = {"running": 0, "incomplete": 1}.get(span.status, 2)
    said = sum(1 for value in span if value is not None) + len(span.attributes)
    return (state, span.end_ns or 0, said, json_text([*span[:-1]]) or "")


def _tell(conn: Connection, facts: Sequence[TraceFacts]) -> None:
    conn.many(
        _TELL,
        [
            (
                *(fact.name, fact.status, fact.start_ns, fact.end_ns, fact.session_id),
                *(fact.outcome, fact.outcome_reason),
                json_text(fact.extra) if fact.extra else None,
                bytes.fromhex(fact.trace_id),
            )
            for fact in facts
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
