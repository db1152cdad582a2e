"""OpenTelemetry's GenAI events, exceptions and anything else that names a span.

A log record about a span is what an event of that span would be, and is read as one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from clustertrace.conventions.dialects.genai import GENAI
from clustertrace.conventions.otlp.log_homes import DETAILS, derived_id
from clustertrace.conventions.raw import ERROR, Event, Origin, RawSpan
from clustertrace.conventions.resolve import resolve
from clustertrace.joining.filling import (
    Spans,
    event_of_log,
    own_attributes,
    shared_attributes,
    span_of_log,
)
from clustertrace.model import INTERNAL, Log, Span
from clustertrace.pricing import unpriced
from clustertrace.understanding.reports import reporter

__all__ = ["build", "fill"]

_EXCEPTIONS: Final = frozenset({"exception", "gen_ai.client.operation.exception"})
_CALL_EVENTS: Final = frozenset(
    (DETAILS, "gen_ai.client.operation.exception", *GENAI.event_messages)
)
"""Records that only a model call has."""

_FIELD_EVENTS: Final = _CALL_EVENTS | _EXCEPTIONS | frozenset(GENAI.event_values)
"""Records that fill fields; others are events of their span."""

_OPERATION_NAME: Final = "gen_ai.operation.name"
_OPERATION_BY_KIND: Final = {"llm": "chat", "embedding": "embeddings", "tool": "execute_tool"}

_FIELDS: Final = (
    *("input", "output", "error_type", "error_message", "model", "provider", "input_tokens"),
    *("output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("cost_usd", "finish_reason"),
)


def build(trace_id: str, logs: Sequence[Log], table: Spans) -> None:
    """Make spans of model calls of which only records came, and one for a trace without spans."""
    calls: dict[str, list[Log]] = defaultdict(list)
    for log in logs:
        if log.name in _CALL_EVENTS and log.span_id is not None and table.get(log.span_id) is None:
            calls[log.span_id].append(log)
    root = table.root()
    for span_id, records in calls.items():
        call = _build_call(trace_id, span_id, records)
        table.put(call._replace(parent_span_id=None if root is None else root.span_id))
    if logs and table.root() is None:
        span_id = derived_id(trace_id, "records", digits=16)
        attributes = {**shared_attributes(logs[0]), INTERNAL: True}
        span = span_of_log(trace_id, span_id, None, "log records", logs[-1], attributes)
        table.put(span._replace(start_ns=max(1, logs[0].time_ns)))


def _build_call(trace_id: str, span_id: str, records: Sequence[Log]) -> Span:
    attributes = {_OPERATION_NAME: "chat", **shared_attributes(records[0])}
    for log in records:
        attributes.update(
            (key, value) for key, value in own_attributes(log).items() if key.startswith("gen_ai.")
        )
    model = attributes.get("gen_ai.request.model") or attributes.get("gen_ai.response.model") or ""
    name = f"{attributes[_OPERATION_NAME]} {model}".strip()
    call = span_of_log(trace_id, span_id, None, name, records[-1], attributes)
    failed = any(log.name in _EXCEPTIONS or "error.type" in log.attributes for log in records)
    return call._replace(
        start_ns=max(1, records[0].time_ns), status="error" if failed else call.status
    )


def fill(logs: Sequence[Log], table: Spans) -> None:
    """Fill spans with what the records that name them say; others become events of the root."""
    records_by_span: dict[str, list[Log]] = defaultdict(list)
    for log in logs:
        if (
            log.name in _FIELD_EVENTS
            and log.span_id is not None
            and table.get(log.span_id) is not None
        ):
            records_by_span[log.span_id].append(log)
        else:
            table.note(event_of_log(log), log.span_id)
    for span_id, records in records_by_span.items():
        span = table.get(span_id)
        assert span is not None
        _fill_span(span, records, table)


def _fill_span(span: Span, records: Sequence[Log], table: Spans) -> None:
    raw = _raw_span(span, records)
    resolved, _ = resolve(raw)
    attributes = dict(resolved.attributes)
    attributes.pop(_OPERATION_NAME, None)
    events = attributes.pop("span.events" if "events" in raw.attributes else "events", [])
    without_cost = unpriced(span)
    if any(
        getattr(resolved, field) is not None and getattr(span, field) is None
        for field in _FIELDS
        if field.endswith("_tokens") or field == "model"
    ):
        # What was priced without these is priced again.
        table.put(without_cost)
    error_fields = {"error_type", "error_message"}
    table.fill(
        span.span_id,
        attributes,
        **{
            field: getattr(resolved, field)
            for field in _FIELDS
            if span.status == "error" or field not in error_fields
        },
    )
    for event_ in events if isinstance(events, list) else ():
        table.note(event_, span.span_id)


def _raw_span(span: Span, records: Sequence[Log]) -> RawSpan:
    """The records as a span that has nothing else to say."""
    attributes: dict[str, Any] = {_OPERATION_NAME: _OPERATION_BY_KIND.get(span.kind)}
    events = []
    for log in records:
        if log.name == DETAILS:
            attributes.update(own_attributes(log))
            continue
        name = "exception" if log.name in _EXCEPTIONS else log.name
        body = log.body if isinstance(log.body, dict) else {}
        text = {} if isinstance(log.body, dict) or log.body in (None, "") else {"body": log.body}
        events.append(Event(name, log.time_ns, {**own_attributes(log), **body, **text}))
    return RawSpan(
        span.trace_id,
        span.span_id,
        None,
        span.name,
        span.start_ns,
        span.end_ns,
        ERROR if span.status == "error" else 0,
        "",
        attributes,
        events,
        {},
        Origin(None, {}, reporter(span)),
    )
