"""Langfuse: a trace with its observations and scores, as its public API and its exports give it.

https://langfuse.com/docs/api-and-data-platform/features/public-api: `GET /api/public/traces/{id}`.
Its usage and costs are read as those that its SDK sends (clustertrace.conventions.usage).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.readers import count, dollars, text
from clustertrace.conventions.usage import cost_details, langfuse_usage, usage
from clustertrace.exchange.foreign.fields import (
    amount,
    counted,
    hour_of,
    moment_ns,
    moment_or,
    needed_ns,
    object_of,
    objects_of,
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
_USED: Final = frozenset(
    "id traceId type name startTime endTime parentObservationId input output model level "
    "statusMessage usage usageDetails costDetails calculatedTotalCost totalCost".split()
)
"""What has a field of its own; the rest stays among the attributes."""


def read(record: Mapping[str, Any]) -> tuple[list[Span], TraceFacts]:
    """A trace. Raises BadInput."""
    trace = trace_id(record.get("id"))
    spans = [_span(one, trace) for one in objects_of(record.get("observations"))]
    roots = [span for span in spans if span.parent_span_id is None]
    if len(roots) == 1:
        spans = [_with_the_trace_s(span, record) if span is roots[0] else span for span in spans]
    else:
        spans = _below_one_root(record, trace, spans)
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


def _with_the_trace_s(root: Span, record: Mapping[str, Any]) -> Span:
    """The only root, with what is said of the trace and not of it."""
    return root._replace(
        input=record.get("input") if root.input is None else root.input,
        output=record.get("output") if root.output is None else root.output,
        attributes={**object_of(record.get("metadata")), **root.attributes},
    )


def _below_one_root(record: Mapping[str, Any], trace: str, spans: list[Span]) -> list[Span]:
    """A span for the trace itself, which has an input and an output of its own."""
    start = moment_ns(record.get("timestamp")) or min((span.start_ns for span in spans), default=0)
    start = start or needed_ns(None, "timestamp")
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
    below = [
        span._replace(parent_span_id=root.span_id) if span.parent_span_id is None else span
        for span in spans
    ]
    return [root, *below]


def _span(one: Mapping[str, Any], trace: str) -> Span:
    parent = one.get("parentObservationId")
    failed = one.get("level") == "ERROR"
    used = _usage(one)
    start = needed_ns(one.get("startTime"), "startTime")
    end = moment_ns(one.get("endTime"))
    return Span(
        trace,
        span_id(one.get("id"), trace),
        span_id(parent, trace) if parent else None,
        text(one.get("name")) or "span",
        _KINDS.get(str(one.get("type", "")).lower(), "chain"),
        "error" if failed else "ok",
        start,
        max(start, end) if end is not None else start,
        one.get("input"),
        one.get("output"),
        None,
        text(one.get("statusMessage")) if failed else None,
        text(one.get("model")),
        None,
        *tokens_of(used),
        _cost(one),
        attributes=_rest(one, used),
    )


def _usage(one: Mapping[str, Any]) -> dict[Field, Any]:
    """What an observation used, in today's words, else in those of older exports."""
    details = object_of(one.get("usageDetails"))
    if details:
        return counted(langfuse_usage(details))
    old = object_of(one.get("usage"))
    older = [
        (Field.INPUT_TOKENS, count(old.get("promptTokens"))),
        (Field.OUTPUT_TOKENS, count(old.get("completionTokens"))),
    ]
    return counted([*usage(old, own=False), *older])


def _cost(one: Mapping[str, Any]) -> float | None:
    costs = cost_details(one.get("costDetails"))
    others = (dollars(one.get(key)) for key in ("calculatedTotalCost", "totalCost"))
    # Langfuse writes 0 for models that it has no price for.
    return next((cost for cost in (*(told for _, told in costs), *others) if cost), None)


def _rest(one: Mapping[str, Any], used: Mapping[Field, Any]) -> dict[str, Any]:
    rest = {
        key: value for key, value in one.items() if key not in _USED and value not in (None, "", {})
    }
    return rest | hour_of(used)


def _scores(record: Mapping[str, Any], trace: str, start_ns: int) -> list[Metric]:
    scores = []
    for one in objects_of(record.get("scores")):
        value, name = amount(one.get("value")), text(one.get("name"))
        if value is not None and name:
            at = moment_or(one.get("timestamp") or one.get("createdAt"), start_ns)
            of = one.get("observationId")
            scores.append(Metric(name, value, at, span_id(of, trace) if of else None))
    return scores
