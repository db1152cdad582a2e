"""Builders for OTLP requests, and the same request in OTLP's JSON encoding."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clustertrace.conventions.otlp.traces import decode_protobuf
from clustertrace.model import Span

Build = Callable[..., ExportTraceServiceRequest]


def fill(value: Any, plain: Any) -> None:
    """Set an AnyValue to a plain one."""
    if plain is None:
        return
    if isinstance(plain, bool):
        value.bool_value = plain
    elif isinstance(plain, str):
        value.string_value = plain
    elif isinstance(plain, bytes):
        value.bytes_value = plain
    elif isinstance(plain, int):
        value.int_value = plain
    elif isinstance(plain, float):
        value.double_value = plain
    elif isinstance(plain, list):
        value.array_value.SetInParent()
        for item in plain:
            fill(value.array_value.values.add(), item)
    else:
        value.kvlist_value.SetInParent()
        fill_all(value.kvlist_value.values, plain)


def fill_all(pairs: Any, plain: dict[str, Any]) -> None:
    """Add attributes."""
    for key, item in plain.items():
        pair = pairs.add()
        pair.key = key
        fill(pair.value, item)


def build(
    attributes: dict[str, Any] | None = None,
    *,
    resource: dict[str, Any] | None = None,
    events: list[tuple[str, dict[str, Any]]] | None = None,
    links: list[dict[str, Any]] | None = None,
    status: int = 0,
    message: str = "",
    scope: str = "tests",
    **fields: Any,
) -> ExportTraceServiceRequest:
    """A request with one span."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    fill_all(of_resource.resource.attributes, resource or {})
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = scope
    span = of_scope.spans.add()
    usual = {
        "trace_id": bytes(range(1, 17)),
        "span_id": bytes(range(1, 9)),
        "name": "step",
        "start_time_unix_nano": 1_700_000_000_000_000_000,
        "end_time_unix_nano": 1_700_000_001_000_000_000,
    }
    for name, value in {**usual, **fields}.items():
        setattr(span, name, value)
    span.status.code = status
    span.status.message = message
    fill_all(span.attributes, attributes or {})
    for name, plain in events or []:
        event = span.events.add()
        event.name = name
        event.time_unix_nano = 1_700_000_000_500_000_000
        fill_all(event.attributes, plain)
    for plain in links or []:
        link = span.links.add()
        link.trace_id, link.span_id = b"\7" * 16, b"\7" * 8
        fill_all(link.attributes, plain)
    return request


def json_value(value: Any) -> dict[str, Any]:
    """An AnyValue in OTLP/JSON."""
    which = value.WhichOneof("value")
    if which is None:
        return {}
    plain = getattr(value, which)
    if which == "int_value":
        return {"intValue": str(plain)}
    if which == "double_value" and not math.isfinite(plain):
        plain = "NaN" if math.isnan(plain) else "Infinity" if plain > 0 else "-Infinity"
    if which == "bytes_value":
        plain = base64.b64encode(plain).decode()
    if which == "array_value":
        plain = {"values": [json_value(item) for item in plain.values]}
    if which == "kvlist_value":
        plain = {"values": json_pairs(plain.values)}
    first, second = which.split("_")
    return {first + second.capitalize(): plain}


def json_pairs(pairs: Any) -> list[dict[str, Any]]:
    """Attributes in OTLP/JSON."""
    return [{"key": pair.key, "value": json_value(pair.value)} for pair in pairs]


def json_span(span: Any) -> dict[str, Any]:
    """A span in OTLP/JSON."""
    return {
        "traceId": span.trace_id.hex().upper(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "traceState": span.trace_state,
        "droppedAttributesCount": span.dropped_attributes_count,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": span.end_time_unix_nano,
        "attributes": json_pairs(span.attributes),
        "status": {"code": span.status.code, "message": span.status.message},
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time_unix_nano),
                "attributes": json_pairs(event.attributes),
            }
            for event in span.events
        ],
        "links": [
            {
                "traceId": link.trace_id.hex(),
                "spanId": link.span_id.hex(),
                "attributes": json_pairs(link.attributes),
            }
            for link in span.links
        ],
    }


def to_json(request: ExportTraceServiceRequest) -> bytes:
    """A request in OTLP/JSON, by the mapping of the specification."""
    return json.dumps(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": json_pairs(of_resource.resource.attributes)},
                    "scopeSpans": [
                        {
                            "scope": {"name": of.scope.name, "version": of.scope.version},
                            "spans": [json_span(span) for span in of.spans],
                        }
                        for of in of_resource.scope_spans
                    ],
                }
                for of_resource in request.resource_spans
            ]
        }
    ).encode()


@pytest.fixture
def request_of() -> Build:
    """Builds a request with one span."""
    return build


@pytest.fixture
def as_json() -> Callable[[ExportTraceServiceRequest], bytes]:
    """Writes a request in OTLP/JSON."""
    return to_json


@pytest.fixture
def mapped() -> Callable[..., Span]:
    """Builds a request with one span and decodes it."""

    def decode(*args: Any, **kwargs: Any) -> Span:
        received = decode_protobuf(build(*args, **kwargs).SerializeToString())
        assert received.rejected == []
        return received.batch.spans[0]

    return decode


@pytest.fixture
def sessions() -> Callable[..., str | None]:
    """Builds a request with one span, and tells the session that it names."""

    def decode(*args: Any, **kwargs: Any) -> str | None:
        facts = decode_protobuf(build(*args, **kwargs).SerializeToString()).batch.facts
        return next((fact.session_id for fact in facts), None)

    return decode
