"""clustertrace 0.14: a trace with its spans, as its `export` writes it or its database has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.readers import count, text
from clustertrace.errors import BadInput
from clustertrace.exchange.foreign.fields import (
    amount,
    moment_ns,
    needed_ns,
    object_of,
    objects_of,
    span_id,
    trace_id,
)
from clustertrace.model import Metric, Span, TraceFacts

__all__ = ["HEADER", "read"]

HEADER: Final = "_clustertrace_header"
"""A key of the first line of its export."""

_KINDS: Final = {"llm_call": "llm", "tool_call": "tool"}
_STATUSES: Final = ("ok", "error", "incomplete")


def read(record: Mapping[str, Any]) -> tuple[list[Span], TraceFacts]:
    """A trace. Raises BadInput."""
    told = object_of(record.get("trace"))
    trace = trace_id(told.get("id"))
    spans = [_span(one, trace) for one in objects_of(record.get("spans"))]
    if not spans:
        raise BadInput("it has no spans")
    at = moment_ns(told.get("ended_at")) or max(span.start_ns for span in spans)
    tags, metrics = object_of(record.get("tags")), object_of(record.get("metrics"))
    values = {str(name): amount(value) for name, value in metrics.items()}
    return spans, TraceFacts(
        trace,
        name=text(told.get("name")),
        tags={str(key): str(value) for key, value in tags.items()},
        metrics=tuple(
            Metric(name, value, at) for name, value in values.items() if value is not None
        ),
    )


def _span(one: Mapping[str, Any], trace: str) -> Span:
    attributes = dict(object_of(one.get("attrs_json")))
    start = needed_ns(one.get("started_at"), "started_at")
    end, parent = moment_ns(one.get("ended_at")), one.get("parent_id")
    status = one.get("status") if one.get("status") in _STATUSES else "incomplete"
    kind, error = _KINDS.get(str(one.get("kind")), "chain"), text(one.get("error_type"))
    usage = object_of(attributes.get("usage")) or attributes
    model = kind == "llm"
    return Span(
        trace,
        span_id(one.get("id"), trace),
        span_id(parent, trace) if parent else None,
        text(one.get("name")) or "span",
        kind,
        str(status),
        start,
        None if end is None else max(start, end),
        _json(one.get("input_json")),
        _json(one.get("output_json")),
        error,
        _message(text(one.get("error_message")), error),
        text(attributes.get("model")) if model else None,
        None,
        _first(usage, "input_tokens", "prompt_tokens") if model else None,
        _first(usage, "output_tokens", "completion_tokens") if model else None,
        attributes=attributes,
    )


def _first(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((found for name in names if (found := count(usage.get(name))) is not None), None)


def _json(told: Any) -> Any:
    if not isinstance(told, str):
        return told
    try:
        return json.loads(told)
    except (ValueError, RecursionError):
        return told


def _message(message: str | None, error: str | None) -> str | None:
    """Its messages repeat the type; ours stand beside it."""
    return message.removeprefix(f"{error}: ") if message and error else message
