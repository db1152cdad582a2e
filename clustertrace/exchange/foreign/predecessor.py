"""clustertrace 0.14: a trace with its spans, as in its `export` or its database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.readers import count, text
from clustertrace.errors import BadInput
from clustertrace.exchange.foreign.fields import (
    amount,
    moment_ns,
    object_of,
    objects_of,
    required_ns,
    span_id,
    trace_id,
)
from clustertrace.model import Metric, Span, TraceFacts

__all__ = ["HEADER", "read"]

HEADER: Final = "_clustertrace_header"
"""A key that marks the first line of its export."""

_KINDS: Final = {"llm_call": "llm", "tool_call": "tool"}
_STATUSES: Final = ("ok", "error", "incomplete")


def read(record: Mapping[str, Any]) -> tuple[list[Span], TraceFacts]:
    """Read a trace. Raises BadInput."""
    header = object_of(record.get("trace"))
    trace = trace_id(header.get("id"))
    spans = [_span(span, trace) for span in objects_of(record.get("spans"))]
    if not spans:
        raise BadInput("it has no spans")
    metrics_ns = moment_ns(header.get("ended_at")) or max(span.start_ns for span in spans)
    tags, metrics = object_of(record.get("tags")), object_of(record.get("metrics"))
    values = {str(name): amount(value) for name, value in metrics.items()}
    return spans, TraceFacts(
        trace,
        name=text(header.get("name")),
        tags={str(key): str(value) for key, value in tags.items()},
        metrics=tuple(
            Metric(name, value, metrics_ns) for name, value in values.items() if value is not None
        ),
    )


def _span(record: Mapping[str, Any], trace: str) -> Span:
    attributes = dict(object_of(record.get("attrs_json")))
    start = required_ns(record.get("started_at"), "started_at")
    end, parent = moment_ns(record.get("ended_at")), record.get("parent_id")
    status = record.get("status") if record.get("status") in _STATUSES else "incomplete"
    kind, error = _KINDS.get(str(record.get("kind")), "chain"), text(record.get("error_type"))
    usage = object_of(attributes.get("usage")) or attributes
    is_model = kind == "llm"
    return Span(
        trace,
        span_id(record.get("id"), trace),
        span_id(parent, trace) if parent else None,
        text(record.get("name")) or "span",
        kind,
        str(status),
        start,
        None if end is None else max(start, end),
        _parsed(record.get("input_json")),
        _parsed(record.get("output_json")),
        error,
        _message(text(record.get("error_message")), error),
        text(attributes.get("model")) if is_model else None,
        None,
        _first_count(usage, "input_tokens", "prompt_tokens") if is_model else None,
        _first_count(usage, "output_tokens", "completion_tokens") if is_model else None,
        attributes=attributes,
    )


def _first_count(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((tokens for name in names if (tokens := count(usage.get(name))) is not None), None)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _message(message: str | None, error: str | None) -> str | None:
    """The message without the type, which 0.14 repeats in it."""
    return message.removeprefix(f"{error}: ") if message and error else message
