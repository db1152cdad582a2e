"""Langfuse: a trace with its observations and scores, as in its public API and its exports.

https://langfuse.com/docs/api-and-data-platform/features/public-api: `GET /api/public/traces/{id}`.
Usage and costs are read like those that its SDK sends (clustertrace.conventions.usage).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.readers import count, dollars, text
from clustertrace.conventions.usage import cost_details, langfuse_usage, usage
from clustertrace.exchange.foreign.fields import (
    amount,
    first_values,
    hour_attribute,
    moment_ns,
    moment_or,
    object_of,
    objects_of,
    required_ns,
    span_id,
    tags_of,
    tokens_of,
    trace_id,
)
from clustertrace.model import Metric, Span, TraceFacts

__all__ = ["read"]

_KINDS: Final = {
    "generation": "llm",
    "agent": "agent",
    "tool": "tool",
    "retriever": "retriever",
    "embedding": "embedding",
    "evaluator": "evaluator",
    "guardrail": "guardrail",
}
_MAPPED: Final = frozenset(
    "id traceId type name startTime endTime parentObservationId input output model level "
    "statusMessage usage usageDetails costDetails calculatedTotalCost totalCost".split()
)
"""Keys that map to fields of a span; all others become attributes."""


def read(record: Mapping[str, Any]) -> tuple[list[Span], TraceFacts]:
    """Read a trace. Raises BadInput."""
    trace = trace_id(record.get("id"))
    spans = [_span(observation, trace) for observation in objects_of(record.get("observations"))]
    roots = [span for span in spans if span.parent_span_id is None]
    if len(roots) == 1:
        spans = [_with_trace_fields(span, record) if span is roots[0] else span for span in spans]
    else:
        spans = _under_new_root(record, trace, spans)
    facts = TraceFacts(
        trace,
        name=text(record.get("name")),
        session_id=text(record.get("sessionId")),
        tags=tags_of(
            user=record.get("userId"),
            release=record.get("release"),
            version=record.get("version"),
            environment=record.get("environment"),
            tags=record.get("tags"),
        ),
        metrics=tuple(_scores(record, trace, spans[0].start_ns)),
    )
    return spans, facts


def _with_trace_fields(root: Span, record: Mapping[str, Any]) -> Span:
    """The only root, with the trace's input, output and metadata where it has none."""
    return root._replace(
        input=record.get("input") if root.input is None else root.input,
        output=record.get("output") if root.output is None else root.output,
        attributes={**object_of(record.get("metadata")), **root.attributes},
    )


def _under_new_root(record: Mapping[str, Any], trace: str, spans: list[Span]) -> list[Span]:
    """Add a root span for the trace itself, with the trace's own input and output."""
    start = moment_ns(record.get("timestamp")) or min((span.start_ns for span in spans), default=0)
    start = start or required_ns(None, "timestamp")
    ends = [span.end_ns for span in spans if span.end_ns is not None]
    root = Span(
        trace,
        span_id(f"root of {trace}", trace),
        None,
        text(record.get("name")) or "trace",
        "chain",
        "ok",
        start,
        max([start, *ends]),
        record.get("input"),
        record.get("output"),
        attributes=dict(object_of(record.get("metadata"))),
    )
    children = [
        span._replace(parent_span_id=root.span_id) if span.parent_span_id is None else span
        for span in spans
    ]
    return [root, *children]


def _span(observation: Mapping[str, Any], trace: str) -> Span:
    parent = observation.get("parentObservationId")
    failed = observation.get("level") == "ERROR"
    usage = _usage_of(observation)
    start = required_ns(observation.get("startTime"), "startTime")
    end = moment_ns(observation.get("endTime"))
    return Span(
        trace,
        span_id(observation.get("id"), trace),
        span_id(parent, trace) if parent else None,
        text(observation.get("name")) or "span",
        _KINDS.get(str(observation.get("type", "")).lower(), "chain"),
        "error" if failed else "ok",
        start,
        max(start, end) if end is not None else start,
        observation.get("input"),
        observation.get("output"),
        None,
        text(observation.get("statusMessage")) if failed else None,
        text(observation.get("model")),
        None,
        *tokens_of(usage),
        _cost(observation),
        attributes=_attributes(observation, usage),
    )


def _usage_of(observation: Mapping[str, Any]) -> dict[Field, Any]:
    """The usage of an observation, from current keys, or else from those of older exports."""
    details = object_of(observation.get("usageDetails"))
    if details:
        return first_values(langfuse_usage(details))
    old_usage = object_of(observation.get("usage"))
    old_pairs = [
        (Field.INPUT_TOKENS, count(old_usage.get("promptTokens"))),
        (Field.OUTPUT_TOKENS, count(old_usage.get("completionTokens"))),
    ]
    return first_values([*usage(old_usage, own=False), *old_pairs])


def _cost(observation: Mapping[str, Any]) -> float | None:
    costs = cost_details(observation.get("costDetails"))
    totals = (dollars(observation.get(key)) for key in ("calculatedTotalCost", "totalCost"))
    # Langfuse writes 0 for models without a known price.
    return next(
        (cost for cost in (*(cost_value for _, cost_value in costs), *totals) if cost), None
    )


def _attributes(observation: Mapping[str, Any], usage: Mapping[Field, Any]) -> dict[str, Any]:
    rest = {
        key: value
        for key, value in observation.items()
        if key not in _MAPPED and value not in (None, "", {})
    }
    return rest | hour_attribute(usage)


def _scores(record: Mapping[str, Any], trace: str, start_ns: int) -> list[Metric]:
    scores = []
    for score in objects_of(record.get("scores")):
        value, name = amount(score.get("value")), text(score.get("name"))
        if value is not None and name:
            time_ns = moment_or(score.get("timestamp") or score.get("createdAt"), start_ns)
            observation_id = score.get("observationId")
            scores.append(
                Metric(
                    name, value, time_ns, span_id(observation_id, trace) if observation_id else None
                )
            )
    return scores
