"""Metric requests: what of them says how much a session used."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from clustertrace.conventions.otlp.metrics import metrics_of_json, metrics_of_protobuf
from clustertrace.conventions.otlp.traces import Received
from clustertrace.errors import BadInput
from tests.conventions.conftest import fill_all, json_pairs

TOKENS = "claude_code.token.usage"


def build(
    name: str, attributes: dict[str, Any], *, shape: str = "sum", value: float = 3.0
) -> ExportMetricsServiceRequest:
    """A request with one point."""
    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    fill_all(of_resource.resource.attributes, {"service.name": "agent"})
    of_scope = of_resource.scope_metrics.add()
    of_scope.scope.name = "com.anthropic.claude_code"
    metric = of_scope.metrics.add(name=name)
    data = getattr(metric, shape)
    point = data.data_points.add(time_unix_nano=9, start_time_unix_nano=4)
    if shape == "histogram":
        point.sum = value
    else:
        point.as_double = value
    if shape != "gauge":
        data.aggregation_temporality = 1
    fill_all(point.attributes, attributes)
    return request


def to_json(request: ExportMetricsServiceRequest) -> bytes:
    """The same in JSON."""
    (of_resource,) = request.resource_metrics
    (of_scope,) = of_resource.scope_metrics
    (metric,) = of_scope.metrics
    shape = metric.WhichOneof("data")
    data = getattr(metric, shape)
    points = [
        {
            "timeUnixNano": str(point.time_unix_nano),
            "startTimeUnixNano": str(point.start_time_unix_nano),
            "attributes": json_pairs(point.attributes),
            **({"sum": point.sum} if shape == "histogram" else {"asDouble": point.as_double}),
        }
        for point in data.data_points
    ]
    body = {"dataPoints": points, "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA"}
    metrics = [{"name": metric.name, shape: body}]
    scopes = [{"scope": {"name": of_scope.scope.name}, "metrics": metrics}]
    resource = {"attributes": json_pairs(of_resource.resource.attributes)}
    request_body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": scopes}]}
    return json.dumps(request_body).encode()


def read(*args: Any, **kwargs: Any) -> Received:
    """What both encodings of a point are read as; they must agree."""
    request = build(*args, **kwargs)
    (received,) = metrics_of_protobuf(request.SerializeToString(), 10)
    assert [received] == list(metrics_of_json(to_json(request), 10))
    return received


@pytest.mark.parametrize(
    ("name", "shape", "session"),
    [
        (TOKENS, "sum", "session.id"),
        ("claude_code.cost.usage", "sum", "session.id"),
        ("gen_ai.client.token.usage", "histogram", "gen_ai.conversation.id"),
    ],
)
def test_points_of_a_session(name: str, shape: str, session: str) -> None:
    """Tokens and cost that name a session are records of one run, which is the session's."""
    received = read(name, {session: "s", "model": "m"}, shape=shape)
    (log,), (fact,) = received.batch.logs, received.batch.facts
    assert received.rejected == []
    assert (log.trace_id, log.name, log.time_ns) == (fact.trace_id, name, 9)
    assert (log.attributes["value"], log.attributes["temporality"]) == (3.0, 1)
    assert (fact.session_id, fact.tags) == ("s", {"service": "agent"})


@pytest.mark.parametrize(
    ("name", "attributes", "shape", "value"),
    [
        (TOKENS, {}, "sum", 3.0),
        (TOKENS, {"session.id": "s"}, "gauge", 3.0),
        (TOKENS, {"session.id": "s"}, "sum", -1.0),
        ("claude_code.session.count", {"session.id": "s"}, "sum", 1.0),
    ],
)
def test_other_points(name: str, attributes: dict[str, Any], shape: str, value: float) -> None:
    """Every other point is counted and named in the answer."""
    received = read(name, attributes, shape=shape, value=value)
    assert received.batch.logs == []
    assert received.left == [f"{name}: only tokens and costs that name a session are kept"]


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """No body breaks the readers: it is a request, or BadInput."""
    for read_slices in (metrics_of_json, metrics_of_protobuf):
        with suppress(BadInput):
            list(read_slices(body, 10))
