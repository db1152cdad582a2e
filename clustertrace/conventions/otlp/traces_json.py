"""OTLP traces in JSON → raw spans.

The dictionaries are walked by hand: protobuf's own JSON reader takes the hex ids for base64, and
is twenty times slower. Enums may be numbers or names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.otlp.json_values import (
    attributes_of,
    object_of,
    objects_of,
    span_id_of,
    text_of,
    trace_id_of,
    whole,
)
from clustertrace.conventions.otlp.json_walk import Kind, scopes
from clustertrace.conventions.raw import DROPPED, Event, Origin, RawSpan, origin, times
from clustertrace.errors import BadInput

__all__ = ["read_json"]

_TRACES: Final = Kind("trace", "resourceSpans", "scopeSpans", "spans")
_KINDS: Final = {
    **dict.fromkeys((2, "2", "SPAN_KIND_SERVER"), "server"),
    **dict.fromkeys((3, "3", "SPAN_KIND_CLIENT"), "client"),
    **dict.fromkeys((4, "4", "SPAN_KIND_PRODUCER"), "producer"),
    **dict.fromkeys((5, "5", "SPAN_KIND_CONSUMER"), "consumer"),
}
_STATUS: Final = {
    **dict.fromkeys((1, "1", "STATUS_CODE_OK"), 1),
    **dict.fromkeys((2, "2", "STATUS_CODE_ERROR"), 2),
}


def read_json(body: bytes | bytearray) -> Iterator[RawSpan | str]:
    """Decode an ExportTraceServiceRequest: its spans, and for each unusable one the reason.

    Raises BadInput where the body is no trace request.
    """
    scopes_found = scopes(body, _TRACES)
    del body  # it may be large, and is let go as soon as it can be
    for resource, scope, spans in scopes_found:
        shared = origin(
            attributes_of(resource.get("attributes")),
            text_of(scope.get("name")),
            text_of(scope.get("version")),
            attributes_of(scope.get("attributes")),
        )
        for span in spans:
            try:
                yield _raw_span(span, shared)
            except BadInput as error:
                yield f"{_span_label(span)}: {error}"
            except RecursionError:
                yield f"{_span_label(span)}: its attributes are nested too deeply"


def _span_label(span: Any) -> str:
    return f"span {span.get('name')!r}" if isinstance(span, dict) else "a span"


def _raw_span(span: Any, shared: Origin) -> RawSpan:
    if not isinstance(span, dict):
        raise BadInput("it is not a JSON object")
    get = span.get
    start, end = times(whole(get("startTimeUnixNano")), whole(get("endTimeUnixNano")))
    status = object_of(span, "status")
    code = status.get("code")
    return RawSpan(
        trace_id_of(get("traceId")),
        span_id_of(get("spanId"), "span id"),
        _parent_id(get("parentSpanId")),
        text_of(get("name")),
        start,
        end,
        _STATUS.get(code, 0) if isinstance(code, int | str) else 0,
        text_of(status.get("message")),
        attributes_of(get("attributes")),
        [_event(event) for event in objects_of(span, "events")],
        _other_facts(span),
        shared,
    )


def _event(event: Mapping[str, Any]) -> Event:
    return Event(
        text_of(event.get("name")),
        whole(event.get("timeUnixNano")),
        attributes_of(event.get("attributes")),
    )


def _other_facts(span: Mapping[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {}
    kind = span.get("kind")
    kind_name = _KINDS.get(kind) if isinstance(kind, int | str) else None
    if kind_name is not None:
        about["otel.kind"] = kind_name
    state = text_of(span.get("traceState"))
    if state:
        about["otel.trace_state"] = state
    dropped = span.get("droppedAttributesCount")
    if isinstance(dropped, int) and dropped > 0:
        about[DROPPED] = dropped
    links = [_link(link) for link in objects_of(span, "links")]
    if links:
        about["links"] = links
    return about


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "trace_id": text_of(link.get("traceId")).lower(),
        "span_id": text_of(link.get("spanId")).lower(),
    }
    attributes = attributes_of(link.get("attributes"))
    if attributes:
        fields["attributes"] = attributes
    return fields


def _parent_id(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip("0")):
        return None
    return span_id_of(value, "parent's id")
