"""Writes what records say into the rows of their spans, whenever there is news of either.

Joining (clustertrace.joining) always starts from the spans as they arrived, which are kept beside
those that it changed: so the order of arrival makes no difference, and repeating it changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clustertrace.joining.belonging import Host
from clustertrace.model import Log, Span
from clustertrace.pricing import price_span, unpriced
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.rows import SLIM_COLUMNS, SPAN_COLUMNS, slim_span, span_of_row, span_row
from clustertrace.store.writing import log_rows, span_rows, unjoined
from clustertrace.store.writing.intake import policy
from clustertrace.store.writing.twins import twins_of, with_twins

__all__ = ["join"]


class _Stored(NamedTuple):
    span: Span
    origin: str | None


class _Records(NamedTuple):
    """The records that count for a trace, and where those of its session may belong."""

    logs: list[Log]
    hosts: list[Host]
    left_out: int


def join(conn: Connection, trace_ids: Sequence[bytes]) -> None:
    """Join those of these traces that have records, or transcripts of their turns.

    In the caller's transaction.
    """
    for trace_id in {*log_rows.with_logs(conn, trace_ids), *with_twins(conn, trace_ids)}:
        _join_trace(conn, trace_id)


def _join_trace(conn: Connection, trace_id: bytes) -> None:
    from clustertrace.joining import concerned, joined

    sql = f"SELECT {SLIM_COLUMNS} FROM spans WHERE trace_id = ?"
    slim = {row[1]: slim_span(row) for row in conn.rows(sql, (trace_id,))}
    unjoined_spans = unjoined.originals(conn, [(trace_id, span_id) for span_id in slim])
    from_records = {key[1] for key, span in unjoined_spans.items() if span is None}
    changed = {key[1]: span for key, span in unjoined_spans.items() if span is not None}
    original_spans = {
        span_id: span for span_id, span in slim.items() if span_id not in from_records
    }
    records, twins = (
        _trace_records(conn, trace_id, list(original_spans.values())),
        twins_of(conn, trace_id),
    )
    changed_ids = concerned(list(original_spans.values()), records.logs, twins)
    to_change = {bytes.fromhex(span_id) for span_id in changed_ids}
    stored = _stored_spans(conn, trace_id, to_change | from_records | set(changed))
    original_spans |= {span_id: stored[span_id].span for span_id in to_change} | changed
    spans = joined(trace_id.hex(), list(original_spans.values()), *records, twins=twins)
    wanted = {bytes.fromhex(span.span_id): span for span in spans}
    unjoined.keep(conn, trace_id, {span_id: original_spans.get(span_id) for span_id in wanted})
    obsolete = from_records - set(wanted)
    unjoined.forget(conn, [(trace_id, span_id) for span_id in obsolete])
    _replace_rows(conn, trace_id, stored, changed | wanted, obsolete)


def _replace_rows(
    conn: Connection,
    trace_id: bytes,
    stored: Mapping[bytes, _Stored],
    wanted: Mapping[bytes, Span],
    obsolete: Iterable[bytes],
) -> None:
    """Write the rows of the spans that are to be other than they are."""
    intake = policy()
    rows = []
    for span_id, span in wanted.items():
        current = stored.get(span_id)
        # Prices may have changed since it came.
        row = intake.row(price_span(unpriced(span)), None if current is None else current.origin)
        if current is None or row != span_row(*current):
            rows.append(row)
    span_rows.remove(conn, [(trace_id, span_id) for span_id in obsolete])
    span_rows.remove(conn, [row[:2] for row in rows if row[1] in stored])
    if rows:
        span_rows.insert(conn, rows)


def _stored_spans(
    conn: Connection, trace_id: bytes, span_ids: Iterable[bytes]
) -> dict[bytes, _Stored]:
    spans: dict[bytes, _Stored] = {}
    for chunk in chunks(sorted(span_ids)):
        marks = placeholders(chunk)
        sql = (
            f"SELECT {SPAN_COLUMNS}, origin FROM spans WHERE trace_id = ? AND span_id IN ({marks})"
        )
        for row in conn.rows(sql, (trace_id, *chunk)):
            spans[row[1]] = _Stored(span_of_row(row), row[-1])
    return spans


def _trace_records(conn: Connection, trace_id: bytes, original_spans: Sequence[Span]) -> _Records:
    from clustertrace.joining import usage

    session = conn.value("SELECT session_id FROM traces WHERE trace_id = ?", (trace_id,))
    begin = min((span.start_ns for span in original_spans), default=0)
    end = max((span.end_ns or span.start_ns for span in original_spans), default=0)
    logs, left_out = log_rows.logs_of(
        conn, trace_id, session, (begin, end) if original_spans else None
    )
    hosts = []
    if session is not None and any(log.session_id and log.turn for log in logs):
        hosts = log_rows.hosts(conn, session)
    if any(usage.is_point(log) for log in logs):
        other_trace = "SELECT 1 FROM traces WHERE session_id = ? AND trace_id <> ? LIMIT 1"
        if conn.value(other_trace, (session, trace_id)):
            # More is known of the session than its metrics, which repeat it.
            logs = [log for log in logs if not usage.is_point(log)]
    return _Records(logs, hosts, left_out)
