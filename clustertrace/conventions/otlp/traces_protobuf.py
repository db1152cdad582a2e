"""OTLP traces in protobuf → raw spans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from clustertrace.conventions.otlp.protobuf_values import attributes_of
from clustertrace.conventions.otlp.walk import Kind, scopes
from clustertrace.conventions.raw import DROPPED, Event, Origin, RawSpan, origin, times
from clustertrace.errors import BadInput

__all__ = ["read_protobuf"]

_KINDS: Final = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
_TRACES: Final = Kind(ExportTraceServiceRequest, Span, "resource_spans", "scope_spans", "spans")
_NO_PARENT: Final = (b"", b"\0" * 8)


def read_protobuf(body: bytes | bytearray) -> Iterator[RawSpan | str]:
    """Decode an ExportTraceServiceRequest: its spans, and for each unusable one the reason.

    Raises BadInput, before the first span, when the body as a whole can't be decoded.
    """
    for of_resource, of_scope, items in scopes(body, _TRACES):
        shared = origin(
            attributes_of(of_resource.attributes),
            of_scope.name,
            of_scope.version,
            attributes_of(of_scope.attributes),
        )
        for span in items:
            if span is None:
                yield "a span: it can't be decoded"
                continue
            try:
                yield _raw_span(span, shared)
            except BadInput as error:
                yield f"span {span.name!r}: {error}"


def _raw_span(span: Any, shared: Origin) -> RawSpan:
    trace_id, span_id, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace_id) != 16 or not any(trace_id):
        raise BadInput("its trace id is not 16 bytes, or all zero")
    if len(span_id) != 8 or not any(span_id):
        raise BadInput("its span id is not 8 bytes, or all zero")
    if parent in _NO_PARENT:
        parent_id = None
    elif len(parent) == 8:
        parent_id = parent.hex()
    else:
        raise BadInput("its parent's id is not 8 bytes")
    start, end = times(span.start_time_unix_nano, span.end_time_unix_nano)
    status, events = span.status, span.events
    return RawSpan(
        trace_id.hex(),
        span_id.hex(),
        parent_id,
        span.name,
        start,
        end,
        status.code,
        status.message,
        attributes_of(span.attributes),
        [Event(e.name, e.time_unix_nano, attributes_of(e.attributes)) for e in events]
        if events
        else [],
        _other_facts(span),
        shared,
    )


def _other_facts(span: Any) -> dict[str, Any]:
    about: dict[str, Any] = {}
    kind = _KINDS.get(span.kind)
    if kind is not None:
        about["otel.kind"] = kind
    if span.trace_state:
        about["otel.trace_state"] = span.trace_state
    if span.dropped_attributes_count:
        about[DROPPED] = span.dropped_attributes_count
    if span.links:
        about["links"] = [_link(link) for link in span.links]
    return about


def _link(link: Any) -> dict[str, Any]:
    record = {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()}
    if link.attributes:
        record["attributes"] = attributes_of(link.attributes)
    return record
