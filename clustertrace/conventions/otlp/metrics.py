"""An OTLP metric request → the points that say what a session used, as records.

Those of tokens and cost that name their session are kept; they repeat what logs and spans say, and
are used if neither arrived (clustertrace.joining.usage). All other points are reported as left out:
they belong to no run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from clustertrace.conventions.otlp import json_walk, protobuf_values
from clustertrace.conventions.otlp.json_values import (
    attributes_of,
    list_of,
    object_of,
    objects_of,
    text_of,
    whole,
)
from clustertrace.conventions.otlp.log_homes import USAGE_METRICS, session_trace_id
from clustertrace.conventions.otlp.traces import Received
from clustertrace.conventions.otlp.walk import Kind, scopes
from clustertrace.conventions.raw import origin
from clustertrace.conventions.readers import dollars, text
from clustertrace.model import Batch, Log, TraceFacts
from clustertrace.wire import MAX_NS

__all__ = ["metrics_of_json", "metrics_of_protobuf"]

_METRICS: Final = Kind(
    ExportMetricsServiceRequest, Metric, "resource_metrics", "scope_metrics", "metrics"
)
_METRICS_IN_JSON: Final = json_walk.Kind("metric", "resourceMetrics", "scopeMetrics", "metrics")
_DATA_KINDS: Final = ("sum", "gauge", "histogram", "exponentialHistogram", "summary")
_SUMMED_KINDS: Final = ("sum", "histogram")
_VALUES: Final = ("asDouble", "asInt", "sum")
_SESSIONS: Final = ("session.id", "gen_ai.conversation.id", "resource.session.id")
_TEMPORALITIES: Final = {
    "AGGREGATION_TEMPORALITY_DELTA": 1,
    "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
}


class _Point(NamedTuple):
    metric: str
    scope: str
    start_ns: int
    time_ns: int
    value: Any
    """The number of a sum; of a histogram, the sum of what it counted."""
    temporality: Any
    attributes: dict[str, Any]
    shared: Mapping[str, Any]


_LeftOut = tuple[str, int]
"""A metric that is not kept, and how many points it has."""


def metrics_of_json(body: bytes | bytearray, size: int) -> Iterator[Received]:
    """Decode application/json; `size` changes nothing, points are small.

    Raises BadInput when the body is no metric request.
    """
    yield _received(_read_json(body))


def metrics_of_protobuf(body: bytes | bytearray, size: int) -> Iterator[Received]:
    """Decode application/x-protobuf; `size` changes nothing, points are small.

    Raises BadInput when the body is no metric request.
    """
    yield _received(_read_protobuf(body))


def _received(points: Iterator[_Point | _LeftOut | str]) -> Received:
    rejected: list[str] = []
    logs: list[Log] = []
    facts: dict[str, TraceFacts] = {}
    left_out: Counter[str] = Counter()
    for point in points:
        if isinstance(point, str):
            rejected.append(point)
        elif not isinstance(point, _Point):
            name, count = point
            left_out[name] += count
        elif (log := _usage_log(point)) is None:
            left_out[point.metric] += 1
        else:
            logs.append(log)
            facts[log.trace_id] = _facts_of(log)
    reason = "only tokens and costs that name a session are kept"
    reasons = [f"{name}: {reason}" for name, count in left_out.items() for _ in range(count)]
    return Received(Batch([], list(facts.values()), None, logs), rejected, reasons)


def _usage_log(point: _Point) -> Log | None:
    """The record of a point; None if it names no session, or has no usable number or time."""
    attributes = {**point.attributes, **point.shared}
    sessions = (text(attributes.get(key)) for key in _SESSIONS)
    session = next(filter(None, sessions), None)
    value = dollars(point.value)
    if session is None or value is None or not 0 < point.time_ns <= MAX_NS:
        return None
    what_it_says = {
        "value": value,
        "temporality": point.temporality,
        "start_ns": point.start_ns,
    }
    return Log(
        trace_id=session_trace_id(session),
        span_id=None,
        time_ns=point.time_ns,
        name=point.metric,
        scope=point.scope,
        attributes=attributes | what_it_says,
        session_id=session,
    )


def _facts_of(log: Log) -> TraceFacts:
    service = log.attributes.get("resource.service.name")
    tags = {"service": service} if isinstance(service, str) and service else {}
    return TraceFacts(log.trace_id, session_id=log.session_id, tags=tags)


def _read_json(body: bytes | bytearray) -> Iterator[_Point | _LeftOut | str]:
    scopes_found = json_walk.scopes(body, _METRICS_IN_JSON)
    del body
    for of_resource, scope, metrics in scopes_found:
        resource = attributes_of(of_resource.get("attributes"))
        name = text_of(scope.get("name"))
        shared = origin(resource, name, text_of(scope.get("version")), {}).attributes
        for metric in metrics:
            if not isinstance(metric, dict):
                yield "a metric: it is not a JSON object"
                continue
            yield from _points_of_json(metric, name, shared)


def _points_of_json(
    metric: Mapping[str, Any], scope: str, shared: Mapping[str, Any]
) -> Iterator[_Point | _LeftOut]:
    name = text_of(metric.get("name"))
    shape = next((shape for shape in _SUMMED_KINDS if shape in metric), None)
    if name not in USAGE_METRICS or shape is None:
        shapes = [object_of(metric, shape) for shape in _DATA_KINDS]
        yield name, sum(len(list_of(shape, "dataPoints")) for shape in shapes)
        return
    data = object_of(metric, shape)
    temporality = data.get("aggregationTemporality")
    if isinstance(temporality, str):
        temporality = _TEMPORALITIES.get(temporality)
    for point in objects_of(data, "dataPoints"):
        yield _Point(
            name,
            scope,
            whole(point.get("startTimeUnixNano")),
            whole(point.get("timeUnixNano")),
            next((point[key] for key in _VALUES if key in point), None),
            temporality,
            attributes_of(point.get("attributes")),
            shared,
        )


def _read_protobuf(body: bytes | bytearray) -> Iterator[_Point | _LeftOut | str]:
    for of_resource, of_scope, items in scopes(body, _METRICS):
        resource = protobuf_values.attributes_of(of_resource.attributes)
        shared = origin(resource, of_scope.name, of_scope.version, {}).attributes
        for metric in items:
            if metric is None:
                yield "a metric: it can't be decoded"
                continue
            yield from _points_of_protobuf(metric, of_scope.name, shared)


def _points_of_protobuf(
    metric: Any, scope: str, shared: Mapping[str, Any]
) -> Iterator[_Point | _LeftOut]:
    shape = metric.WhichOneof("data")
    data = getattr(metric, shape or "sum")
    if metric.name not in USAGE_METRICS or shape not in _SUMMED_KINDS:
        yield metric.name, len(data.data_points)
        return
    for point in data.data_points:
        which = "sum" if shape == "histogram" else point.WhichOneof("value")
        yield _Point(
            metric.name,
            scope,
            point.start_time_unix_nano,
            point.time_unix_nano,
            getattr(point, which) if which else None,
            data.aggregation_temporality,
            protobuf_values.attributes_of(point.attributes),
            shared,
        )
