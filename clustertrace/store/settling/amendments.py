"""Writes into rows what spans say about each other (clustertrace.understanding.amending)."""

from __future__ import annotations

from typing import Any, Final

from clustertrace.model import Span
from clustertrace.pricing import price_span
from clustertrace.store.connection import Connection
from clustertrace.store.rows import SPAN_COLUMNS, json_text, span_of_row
from clustertrace.understanding.amending import amended

__all__ = ["amend"]

_UPDATE_SPAN: Final = (
    "UPDATE spans SET seq = ?, status = ?, error_type = ?, error_message = ?, model = ?,"
    " provider = ?, cost_usd = ?, finish_reason = ?, attributes = ?"
    " WHERE trace_id = ? AND span_id = ?"
)


def amend(conn: Connection, trace_id: bytes, spans: list[Span]) -> None:
    """Amend the rows of a trace and `spans`, its spans without payload, in place."""
    changes = {span.span_id: span for span in amended(spans)}
    if not changes:
        return
    keys = [(trace_id, bytes.fromhex(span_id)) for span_id in changes]
    conn.texts.forget(conn, keys)
    for number, key in zip(conn.numbers(len(keys)), keys, strict=True):
        change = changes[key[1].hex()]
        row = conn.row(f"SELECT {SPAN_COLUMNS} FROM spans WHERE trace_id = ? AND span_id = ?", key)
        assert row is not None
        amended_span = price_span(
            span_of_row(row)._replace(
                status=change.status,
                error_type=change.error_type,
                error_message=change.error_message,
                model=change.model,
                provider=change.provider,
                finish_reason=change.finish_reason,
            )
        )
        changes[change.span_id] = change._replace(cost_usd=amended_span.cost_usd)
        conn.run(_UPDATE_SPAN, (number, *_amended_values(amended_span), *key))
    spans[:] = [changes.get(span.span_id, span) for span in spans]


def _amended_values(span: Span) -> tuple[Any, ...]:
    """What amending may have changed, in the order of `_UPDATE_SPAN`."""
    return (
        span.status,
        span.error_type,
        span.error_message,
        span.model,
        span.provider,
        span.cost_usd,
        span.finish_reason,
        json_text(span.attributes) if span.attributes else None,
    )
