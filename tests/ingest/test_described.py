"""The receiver's routes as OpenAPI describes them: what fits and what does not is answered so.

Schemathesis makes requests from the description, valid and invalid ones (https://schemathesis.io).
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

TEXT = {"type": "string"}
WHOLE = {"oneOf": [{"type": "string", "pattern": "^[0-9]{1,20}$"}, {"type": "integer"}]}
"""64-bit integers are strings in protobuf's JSON, and numbers are taken as well."""


def hexadecimal(digits: int) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^[0-9a-f]{{{digits}}}$"}


def listed(items: dict[str, Any], most: int = 3) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}


def made_of(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


VALUE = made_of(
    stringValue=TEXT,
    boolValue={"type": "boolean"},
    intValue=WHOLE,
    doubleValue={"type": "number"},
    arrayValue=made_of(values=listed(made_of(stringValue=TEXT))),
)
ATTRIBUTES = listed(made_of(("key", "value"), key=TEXT, value=VALUE))
ABOUT = made_of(attributes=ATTRIBUTES)
SCOPE = made_of(name=TEXT, version=TEXT, attributes=ATTRIBUTES)
SPAN = made_of(
    ("traceId", "spanId", "name", "startTimeUnixNano"),
    traceId=hexadecimal(32),
    spanId=hexadecimal(16),
    parentSpanId=hexadecimal(16),
    name=TEXT,
    kind={"type": "integer", "minimum": 0, "maximum": 5},
    startTimeUnixNano=WHOLE,
    endTimeUnixNano=WHOLE,
    attributes=ATTRIBUTES,
    events=listed(made_of(name=TEXT, timeUnixNano=WHOLE, attributes=ATTRIBUTES), 1),
    status=made_of(code={"enum": [0, 1, 2]}, message=TEXT),
)
RECORD = made_of(
    timeUnixNano=WHOLE, eventName=TEXT, body=VALUE, attributes=ATTRIBUTES, traceId=hexadecimal(32)
)
POINT = made_of(timeUnixNano=WHOLE, asInt=WHOLE, attributes=ATTRIBUTES)
METRIC = made_of(name=TEXT, sum=made_of(dataPoints=listed(POINT)))


def requests_of(outer: str, inner: str, items: str, item: dict[str, Any]) -> dict[str, Any]:
    """The shape that the three signals share."""
    scopes = listed(made_of(scope=SCOPE, **{items: listed(item)}), 1)
    return made_of((outer,), **{outer: listed(made_of(resource=ABOUT, **{inner: scopes}), 1)})


def answer(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}


FAILURE = answer(made_of(("code", "message"), code={"type": "integer"}, message=TEXT))


def taken(body: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A route that programs send to."""
    return {
        "post": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {"200": answer(schema), "400": FAILURE, "413": FAILURE, "415": FAILURE},
        }
    }


def partly(count: str) -> dict[str, Any]:
    part = made_of((count, "errorMessage"), **{count: {"type": "string"}, "errorMessage": TEXT})
    return {**made_of(partialSuccess=part), "additionalProperties": False}


def redirected() -> dict[str, Any]:
    named = {"name": "id", "in": "path", "required": True, "schema": TEXT}
    gone = {"307": {"description": ""}, "404": {"description": ""}}
    return {"get": {"parameters": [named], "responses": gone}}


SPANS = requests_of("resourceSpans", "scopeSpans", "spans", SPAN)
LOGS = requests_of("resourceLogs", "scopeLogs", "logRecords", RECORD)
METRICS = requests_of("resourceMetrics", "scopeMetrics", "metrics", METRIC)
NATIVE = made_of(("type", "trace_id", "span_id"), type={"enum": ["start", "end"]}, trace_id=TEXT)
HEALTH = made_of(("status", "version", "pid", "db"), status={"enum": ["ok"]}, version=TEXT)

API = schemathesis.openapi.from_dict(
    {
        "openapi": "3.0.3",
        "info": {"title": "clustertrace", "version": "1"},
        "paths": {
            "/v1/traces": taken(SPANS, partly("rejectedSpans")),
            "/v1/logs": taken(LOGS, partly("rejectedLogRecords")),
            "/v1/metrics": taken(METRICS, partly("rejectedDataPoints")),
            "/v1/spans": taken(NATIVE, made_of(("accepted", "rejected"))),
            "/healthz": {"get": {"responses": {"200": answer(HEALTH)}}},
            "/metrics": {"get": {"responses": {"200": {"description": ""}}}},
            "/trace/{id}": redirected(),
            "/pattern/{id}": redirected(),
        },
    }
)
ROUTES = [route.ok() for route in API.get_all_operations()]
WAYS = [(route, GenerationMode.POSITIVE) for route in ROUTES]
WAYS += [(route, GenerationMode.NEGATIVE) for route in ROUTES if route.body]
"""Routes, and requests that fit their description or do not; to one without a body, all fit."""
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


@pytest.mark.parametrize(
    ("route", "mode"), WAYS, ids=[f"{route.label} {mode.value}" for route, mode in WAYS]
)
@settings(max_examples=40, derandomize=True)
@given(data=st.data())
def test_every_route_answers_as_described(
    shared_receiver: Any,
    route: schemathesis.APIOperation,
    mode: GenerationMode,
    data: st.DataObject,
) -> None:
    """No 5xx, no undescribed status, and every answer has the shape that its status promises."""
    case = data.draw(route.as_strategy(mode))
    case.call_and_validate(base_url=shared_receiver.url, checks=CHECKS)
