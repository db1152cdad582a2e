"""Spans as they came, where records have changed their rows (clustertrace.store.settling.joins)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clustertrace.model import Span
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection
from clustertrace.store.keyed import SpanKey, keyed
from clustertrace.store.rows import json_text, json_value
from clustertrace.wire import span_from_dict, span_to_dict

__all__ = ["forget", "keep", "originals", "originals_without_row"]


def keep(conn: Connection, trace_id: bytes, spans: Mapping[bytes, Span | None]) -> None:
    """Remember spans as they came, or None: made of records; the first word on each stands."""
    conn.many(
        "INSERT INTO unjoined_spans VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (trace_id, span_id, None if span is None else _record_of_span(span))
            for span_id, span in spans.items()
        ],
    )


def forget(conn: Connection, keys: Sequence[SpanKey]) -> None:
    """Better copies of these spans have come, or none is wanted any more."""
    conn.many("DELETE FROM unjoined_spans WHERE trace_id = ? AND span_id = ?", keys)


def originals(conn: Connection, keys: Sequence[SpanKey]) -> dict[SpanKey, Span | None]:
    """Those of these spans that records changed, as they came; None for one made of records."""
    spans: dict[SpanKey, Span | None] = {}
    for chunk in chunks(keys):
        sql = f"SELECT unjoined_spans.* FROM {keyed('unjoined_spans', len(chunk))}"
        for row in conn.rows(sql, [part for key in chunk for part in key]):
            spans[row[:2]] = None if row[2] is None else _span_of_record(row[0], row[2])
    return spans


def originals_without_row(conn: Connection, trace_id: bytes) -> list[Span]:
    """A trace's spans as they came that are in no row now (clustertrace.store.writing.twins)."""
    sql = (
        "SELECT record FROM unjoined_spans u WHERE trace_id = ? AND record IS NOT NULL AND NOT"
        " EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = u.trace_id AND s.span_id = u.span_id)"
    )
    return [_span_of_record(trace_id, row[0]) for row in conn.rows(sql, (trace_id,))]


def _record_of_span(span: Span) -> str | None:
    return json_text({**span_to_dict(span), "ordinal": span.ordinal})


def _span_of_record(trace_id: bytes, record: str) -> Span:
    fields = json_value(record)
    return span_from_dict(fields, trace_id.hex(), fields.pop("ordinal"))
