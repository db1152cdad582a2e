"""Traces as OTLP/JSON, one export request a line: what the OpenTelemetry Collector's file exporter
writes, and what any OTLP receiver takes.

Facts have OpenTelemetry's GenAI names, and kinds and contents OpenInference's, which other tools
read too. What a span was received with goes back where it was: resource, scope, links, events. Read
again here, a span has the same fields, and every attribute that it had; but OTLP can't express the
message of a span that did not fail, which is lost, nor that a span's process is gone, so it comes
back as running; and an empty list or object is no content.
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.otlp.traces import OUTCOME, REASON, TAG
from clustertrace.conventions.raw import ERROR
from clustertrace.conventions.readers import parsed
from clustertrace.conventions.routes import DIALECTS
from clustertrace.model import Span, Trace
from clustertrace.store.rows import json_text

__all__ = ["dump_otlp"]

_OPERATIONS: Final = {
    "agent": "invoke_agent",
    "llm": "chat",
    "tool": "execute_tool",
    "embedding": "embeddings",
    "retriever": "retrieval",
    "reranker": "rerank",
}
_NAMED: Final = {"agent": "gen_ai.agent.name", "tool": "gen_ai.tool.name"}
_SPAN_KINDS: Final = {"server": 2, "client": 3, "producer": 4, "consumer": 5}
_BELONGS_ELSEWHERE: Final = frozenset(
    {"links", "events", "otel.kind", "otel.trace_state", "exception.stacktrace"}
)
_OTHER_INPUTS, _OTHER_OUTPUTS = (
    frozenset(key for dialect in DIALECTS for key in dialect.keys.get(field, ()))
    for field in (Field.BARE_INPUT, Field.BARE_OUTPUT)
)
"""What `input.value` and `output.value` compete with where a span is read."""
_LEAST, _MOST = -(2**63), 2**63 - 1
_LARGEST: Final = 10**300
"""A whole number from here on is text: no double holds it."""
_DEEPEST: Final = 30
"""Levels of a value: protobuf's readers take a hundred messages within each other, three a level.
What is deeper is text."""


def dump_otlp(trace: Trace) -> bytes:
    """One trace as a line: an ExportTraceServiceRequest in JSON."""
    origins: dict[bytes, list[Span]] = defaultdict(list)
    for span in trace.spans:
        origins[orjson.dumps(_origin(span))].append(span)
    first = next((span for span in trace.spans if span.parent_span_id is None), trace.spans[0])
    of_resources = []
    for origin, spans in origins.items():
        resource, scope = orjson.loads(origin)
        names = {key: scope.pop(key) for key in ("name", "version") if key in scope}
        of_scope = {
            "scope": names | {"attributes": _attributes(scope)},
            "spans": [_span(span, dict(_facts(trace, whole=span is first))) for span in spans],
        }
        of_resources.append(
            {"resource": {"attributes": _attributes(resource)}, "scopeSpans": [of_scope]}
        )
    return orjson.dumps({"resourceSpans": of_resources}, option=orjson.OPT_APPEND_NEWLINE)


def _origin(span: Span) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a span's resource and scope said."""
    resource, scope = (
        {key[len(part) :]: value for key, value in span.attributes.items() if key.startswith(part)}
        for part in ("resource.", "scope.")
    )
    return resource, scope


def _span(span: Span, facts: Mapping[str, Any]) -> dict[str, Any]:
    known = span.attributes
    kind = _SPAN_KINDS.get(known.get("otel.kind", ""), 1)
    made = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns or 0),
        "attributes": _attributes({**dict(_fields(span)), **facts}),
        "events": list(_events(span)),
        "links": [_link(link) for link in _objects(known.get("links"))],
        "status": {},
    }
    if span.parent_span_id is not None:
        made["parentSpanId"] = span.parent_span_id
    if isinstance(known.get("otel.trace_state"), str):
        made["traceState"] = known["otel.trace_state"]
    if span.status == "error":
        made["status"] = {"code": ERROR, "message": span.error_message or ""}
    return made


def _facts(trace: Trace, *, whole: bool) -> Iterator[tuple[str, Any]]:
    """What was said of the run: every span names its session, one of them the rest."""
    if trace.session_id is not None:
        yield "session.id", trace.session_id
    if not whole:
        return
    if trace.outcome is not None:
        yield OUTCOME, trace.outcome
    if trace.outcome_reason is not None:
        yield REASON, trace.outcome_reason
    for key, value in trace.tags.items():
        yield TAG + key, value


def _fields(span: Span) -> Iterator[tuple[str, Any]]:
    """Every attribute of a span: its fields under their usual names, after what it came with."""
    for key, value in span.attributes.items():
        if not key.startswith(("resource.", "scope.")) and key not in _BELONGS_ELSEWHERE:
            yield key, value
    for key, value in (
        ("openinference.span.kind", span.kind.upper()),
        ("gen_ai.operation.name", _OPERATIONS.get(span.kind)),
        (_NAMED.get(span.kind, ""), span.name),
        ("gen_ai.request.model", span.model),
        ("gen_ai.response.model", span.model),
        ("gen_ai.provider.name", span.provider),
        ("gen_ai.usage.input_tokens", span.input_tokens),
        ("gen_ai.usage.output_tokens", span.output_tokens),
        ("gen_ai.usage.cache_read.input_tokens", span.cache_read_tokens),
        ("gen_ai.usage.cache_write.input_tokens", span.cache_write_tokens),
        ("gen_ai.usage.reasoning.output_tokens", span.reasoning_tokens),
        ("gen_ai.usage.cost", span.cost_usd),
        ("gen_ai.response.finish_reasons", span.finish_reason and [span.finish_reason]),
        ("error.type", span.error_type),
    ):
        if key and value is not None and key not in span.attributes:
            yield key, value
    for name, content, others in (
        ("input", span.input, _OTHER_INPUTS),
        ("output", span.output, _OTHER_OUTPUTS),
    ):
        if content is None:
            continue
        plain = isinstance(content, str) and parsed(content) == content
        content_text = content if plain else json_text(content)
        if not others.isdisjoint(span.attributes):
            # The instrumentation told it twice, and what became the content was the better half.
            yield f"gen_ai.{name}.messages", content_text
        else:
            yield f"{name}.value", content_text
            yield f"{name}.mime_type", "text/plain" if plain else "application/json"


def _events(span: Span) -> Iterator[dict[str, Any]]:
    for event in _objects(span.attributes.get("events")):
        attributes = event.get("attributes")
        yield {
            "name": str(event.get("name", "")),
            "timeUnixNano": str(event.get("time_unix_nano", 0)),
            "attributes": _attributes(attributes if isinstance(attributes, Mapping) else {}),
        }
    stack = span.attributes.get("exception.stacktrace")
    if stack is not None:
        error = {
            "exception.type": span.error_type or "",
            "exception.message": span.error_message or "",
            "exception.stacktrace": stack,
        }
        time_ns = span.start_ns if span.end_ns is None else span.end_ns
        yield {
            "name": "exception",
            "timeUnixNano": str(time_ns),
            "attributes": _attributes(error),
        }


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    attributes = link.get("attributes")
    return {
        "traceId": str(link.get("trace_id", "")),
        "spanId": str(link.get("span_id", "")),
        "attributes": _attributes(attributes if isinstance(attributes, Mapping) else {}),
    }


def _objects(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects in a list; what a program put under such a name may be anything."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _attributes(attributes: Mapping[str, Any], depth: int = 0) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value, depth)} for key, value in attributes.items()]


def _value(value: Any, depth: int) -> dict[str, Any]:
    """OTLP's AnyValue. A null is one with nothing in it; 64 bits bound its integers."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        if _LEAST <= value <= _MOST:
            return {"intValue": str(value)}
        return (
            {"doubleValue": float(value)} if abs(value) < _LARGEST else {"stringValue": str(value)}
        )
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Mapping | list | tuple) and depth >= _DEEPEST:
        return {"stringValue": json_text(value)}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(value, depth + 1)}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(one, depth + 1) for one in value]}}
    return {"stringValue": str(value)}
