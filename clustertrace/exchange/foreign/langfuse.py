"""Langfuse: a trace with its observations and scores, as its public API and its exports give it.

https://langfuse.com/docs/api-and-data-platform/features/public-api: `GET /api/public/traces/{id}`.
Its usage buckets exclude each other, so everything that begins with `input` was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.exchange.foreign.fields import (
    amount,
    count,
    dollars,
    moment_ns,
    needed_ns,
    object_of,
    objects_of,
    span_id,
    tags_of,
    text,
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
    if len(roots) != 1:
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
    usage, costs = object_of(one.get("usageDetails")), object_of(one.get("costDetails"))
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
        *(_tokens(one, usage)),
        _cost(one, costs),
        attributes=_rest(one),
    )


def _tokens(
    one: Mapping[str, Any], usage: Mapping[str, Any]
) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    """Read, written, from a cache, into a cache, thought."""
    old = object_of(one.get("usage"))
    if not usage:
        read, written = count(old.get("input")), count(old.get("output"))
        if read is None:
            read, written = count(old.get("promptTokens")), count(old.get("completionTokens"))
        return read, written, None, None, None
    return (
        _sum(usage, ("input", "prompt_tokens", "cache_")),
        _sum(usage, ("output", "completion_tokens")),
        _sum(usage, ("input_cached_tokens", "cache_read", "input_cache_read")),
        _sum(usage, ("cache_creation", "input_cache_creation")),
        _sum(usage, ("output_reasoning",)),
    )


def _sum(usage: Mapping[str, Any], beginnings: tuple[str, ...]) -> int | None:
    told = [count(value) for key, value in usage.items() if key.startswith(beginnings)]
    known = [one for one in told if one is not None]
    return sum(known) if known else None


def _cost(one: Mapping[str, Any], costs: Mapping[str, Any]) -> float | None:
    for told in (costs.get("total"), one.get("calculatedTotalCost"), one.get("totalCost")):
        # Langfuse writes 0 for models that it has no price for.
        found = dollars(told)
        if found:
            return found
    return None


def _rest(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in one.items() if key not in _USED and value not in (None, "", {})
    }


def _scores(record: Mapping[str, Any], trace: str, start_ns: int) -> list[Metric]:
    scores = []
    for one in objects_of(record.get("scores")):
        value, name = amount(one.get("value")), text(one.get("name"))
        if value is not None and name:
            at = moment_ns(one.get("timestamp") or one.get("createdAt")) or start_ns
            of = one.get("observationId")
            scores.append(Metric(name, value, at, span_id(of, trace) if of else None))
    return scores
