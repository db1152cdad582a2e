"""Spans as they came, where records have changed their rows (clustertrace.store.settling.joins)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.model import Span
from clustertrace.store.connection import Connection
from clustertrace.store.keyed import keyed
from clustertrace.store.rows import json_text, json_value
from clustertrace.wire import span_from_dict, span_to_dict

__all__ = ["forget", "keep", "unjoined", "unjoined_of"]

Key = tuple[Any, ...]
"""Trace id and span id, binary."""

_AT_ONCE: Final = 500


def keep(conn: Connection, trace_id: bytes, spans: Mapping[bytes, Span | None]) -> None:
    """Remember spans as they came, or None: made of records; the first word on each stands."""
    conn.many(
        "INSERT INTO unjoined_spans VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (
                *(trace_id, span_id),
                came and json_text({**span_to_dict(came), "ordinal": came.ordinal}),
            )
            for span_id, came in spans.items()
        ],
    )


def forget(conn: Connection, keys: Sequence[Key]) -> None:
    """Better copies of these spans have come, or none is wanted any more."""
    conn.many("DELETE FROM unjoined_spans WHERE trace_id = ? AND span_id = ?", keys)


def unjoined(conn: Connection, keys: Sequence[Key]) -> dict[Key, Span | None]:
    """Those of these spans that records changed, as they came; None for one made of records."""
    found: dict[Key, Span | None] = {}
    for begin in range(0, len(keys), _AT_ONCE):
        some = keys[begin : begin + _AT_ONCE]
        sql = f"SELECT unjoined_spans.* FROM {keyed('unjoined_spans', len(some))}"
        for row in conn.rows(sql, [part for key in some for part in key]):
            found[row[:2]] = None if row[2] is None else _span(row[0], row[2])
    return found


def unjoined_of(conn: Connection, trace_id: bytes) -> list[Span]:
    """A trace's spans as they came that are in no row now (clustertrace.store.writing.twins)."""
    sql = (
        "SELECT record FROM unjoined_spans u WHERE trace_id = ? AND record IS NOT NULL AND NOT"
        " EXISTS (SELECT 1 FROM spans s WHERE s.trace_id = u.trace_id AND s.span_id = u.span_id)"
    )
    return [_span(trace_id, row[0]) for row in conn.rows(sql, (trace_id,))]


def _span(trace_id: bytes, record: str) -> Span:
    told = json_value(record)
    return span_from_dict(told, trace_id.hex(), told.pop("ordinal"))
