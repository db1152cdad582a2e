"""A span as OTLP carries it, the same from protobuf and from JSON, before any dialect is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from clustertrace.errors import BadInput
from clustertrace.wire import MAX_NS

__all__ = ["DROPPED", "ERROR", "Event", "Origin", "RawSpan", "origin", "times"]

ERROR: Final = 2
"""OTLP's STATUS_CODE_ERROR. (1 is OK, 0 unset; language SDKs number theirs differently.)"""


DROPPED: Final = "otel.dropped_attributes_count"
"""How many attributes the sender's SDK left out, since a span had more than it allows.

https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/
"""


class Event(NamedTuple):
    """Something that happened during a span."""

    name: str
    time_ns: int
    attributes: dict[str, Any]


class Origin(NamedTuple):
    """What all spans of one resource and scope share."""

    service: str | None
    """The resource's service.name, unless the SDK made it up."""
    attributes: Mapping[str, Any]
    """`resource.<key>`, `scope.name` and so on, as they stand in a span's attributes."""
    scope: str
    """The name of the instrumentation scope; may be empty."""


class RawSpan(NamedTuple):
    """Ids in lower-case hex, times in nanoseconds since 1970, attributes as plain JSON values."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    start_ns: int
    end_ns: int | None
    status_code: int
    status_message: str
    attributes: dict[str, Any]
    events: list[Event]
    about: dict[str, Any]
    """Span kind, links and other facts that no field and no attribute holds; often empty."""
    origin: Origin


def origin(
    resource: Mapping[str, Any], scope_name: str, scope_version: str, scope: Mapping[str, Any]
) -> Origin:
    """Join what a resource and a scope, with its attributes, say about their spans."""
    attributes = {f"resource.{key}": value for key, value in resource.items()}
    if scope_name:
        attributes["scope.name"] = scope_name
    if scope_version:
        attributes["scope.version"] = scope_version
    attributes.update((f"scope.{key}", value) for key, value in scope.items())
    service = resource.get("service.name")
    if not isinstance(service, str) or not service or service.startswith("unknown_service"):
        service = None
    return Origin(service, attributes, scope_name)


def times(start_ns: int, end_ns: int) -> tuple[int, int | None]:
    """Check a span's times: an end of 0 is none, an end before the start becomes the start.

    Raises BadInput for a time that no clock shows.
    """
    if not 0 < start_ns <= MAX_NS:
        raise BadInput(f"its start is not a time in nanoseconds since 1970: {start_ns}")
    if not 0 <= end_ns <= MAX_NS:
        raise BadInput(f"its end is not a time in nanoseconds since 1970: {end_ns}")
    if end_ns == 0:
        return start_ns, None
    return start_ns, max(start_ns, end_ns)
