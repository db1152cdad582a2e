"""Log requests as records: both encodings, odd ones, and where each belongs."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from clustertrace.conventions.otlp.logs import logs_of_json, logs_of_protobuf
from clustertrace.conventions.otlp.traces import Received
from clustertrace.errors import BadInput
from clustertrace.model import Log
from tests.conventions.conftest import fill, fill_all, json_pairs, json_value

TRACE, SPAN = "ab" * 16, "cd" * 8
CLAUDE_CODE = "com.anthropic.claude_code.events"


def build(
    attributes: dict[str, Any] | None = None,
    *,
    scope: str = "tests",
    body: Any = None,
    resource: dict[str, Any] | None = None,
    **fields: Any,
) -> ExportLogsServiceRequest:
    """A request with one record."""
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    fill_all(of_resource.resource.attributes, resource or {})
    of_scope = of_resource.scope_logs.add()
    of_scope.scope.name = scope
    record = of_scope.log_records.add()
    usual = {"trace_id": bytes.fromhex(TRACE), "span_id": bytes.fromhex(SPAN)}
    for name, value in {**usual, "time_unix_nano": 5, **fields}.items():
        setattr(record, name, value)
    fill(record.body, body)
    fill_all(record.attributes, attributes or {})
    return request


def to_json(request: ExportLogsServiceRequest) -> bytes:
    """The same in JSON."""
    (of_resource,) = request.resource_logs
    (of_scope,) = of_resource.scope_logs
    (record,) = of_scope.log_records
    attributes = {
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
        "timeUnixNano": str(record.time_unix_nano),
        "observedTimeUnixNano": str(record.observed_time_unix_nano),
        "severityNumber": record.severity_number,
        "eventName": record.event_name,
        "body": json_value(record.body),
        "attributes": json_pairs(record.attributes),
    }
    scopes = [{"scope": {"name": of_scope.scope.name}, "logRecords": [attributes]}]
    resource = {"attributes": json_pairs(of_resource.resource.attributes)}
    return json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": scopes}]}).encode()


def read(*args: Any, **kwargs: Any) -> Received:
    """What both encodings of a record are read as; they must agree."""
    request = build(*args, **kwargs)
    (received,) = logs_of_protobuf(request.SerializeToString(), 10)
    assert [received] == list(logs_of_json(to_json(request), 10))
    return received


def kept(*args: Any, **kwargs: Any) -> Log:
    received = read(*args, **kwargs)
    assert received.rejected == []
    (log,) = received.batch.logs
    return log


def test_a_record() -> None:
    """Ids, time, name, body and attributes are read, and what its resource says stands there."""
    log = kept(
        {"a": [1, {"b": None}]},
        body={"content": "hi"},
        resource={"service.name": "shop"},
        event_name="gen_ai.choice",
        severity_number=17,
    )
    assert (log.trace_id, log.span_id, log.time_ns, log.name) == (TRACE, SPAN, 5, "gen_ai.choice")
    assert log.body == {"content": "hi"}
    assert log.attributes == {
        "a": [1, {"b": None}],
        "severity": "error",
        "scope.name": "tests",
        "resource.service.name": "shop",
    }


def test_observed_time_stands_in() -> None:
    """A record without a time of its own has the time at which it was seen."""
    assert kept(time_unix_nano=0, observed_time_unix_nano=7).time_ns == 7


@pytest.mark.parametrize("ids", [{"trace_id": b"", "span_id": b""}, {"trace_id": bytes(16)}])
def test_a_record_without_a_trace(ids: dict[str, bytes]) -> None:
    """What belongs to no run is told in the answer, by name."""
    received = read(event_name="started", **ids)
    assert received.batch.logs == []
    assert received.left == ["log record 'started': it names no trace"]


def test_unusable_records_cost_no_other() -> None:
    """A record with broken ids is told; the others of its request are kept."""
    body = json.loads(to_json(build(event_name="good")))
    records = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    records += [
        {**records[0], "traceId": "xyz", "eventName": "bad id"},
        {**records[0], "timeUnixNano": "-1", "eventName": "bad time"},
        {**records[0], "attributes": [{"key": 1}], "eventName": "bad attribute"},
    ]
    (received,) = logs_of_json(json.dumps(body).encode(), 10)
    assert [log.name for log in received.batch.logs] == ["good"]
    named = ("bad id", "bad time", "bad attribute")
    assert len(received.rejected) == len(named)
    for name, why in zip(named, received.rejected, strict=True):
        assert why.startswith(f"log record '{name}': ")


def test_a_large_request_is_read_in_parts() -> None:
    """A large request is read in parts."""
    body = json.loads(to_json(build()))
    body["resourceLogs"] *= 5
    parts = list(logs_of_json(json.dumps(body).encode(), 2))
    assert [len(part.batch.logs) for part in parts] == [2, 2, 1]


def test_turns_of_claude_code() -> None:
    """Without traces a turn is a prompt of a session: the same ids for whatever tells of it."""
    attributes = {"session.id": "s", "prompt.id": "p", "event.name": "user_prompt"}
    bare = {"trace_id": b"", "span_id": b"", "scope": CLAUDE_CODE}
    first, again = (
        kept(attributes, **bare),
        kept({**attributes, "event.name": "api_request"}, **bare),
    )
    other = kept({**attributes, "prompt.id": "q"}, **bare)
    assert first.trace_id == again.trace_id == first.turn != other.trace_id
    assert (first.name, again.name) == ("claude_code.user_prompt", "claude_code.api_request")
    named = kept(attributes, scope=CLAUDE_CODE)
    assert (named.trace_id, named.turn) == (TRACE, first.turn)


def test_sessions_and_services_of_turns() -> None:
    """A turn that only its records tell of has its session and the program's name."""
    attributes = {"session.id": "s", "prompt.id": "p"}
    received = read(
        attributes,
        scope=CLAUDE_CODE,
        trace_id=b"",
        span_id=b"",
        resource={"service.name": "claude-code"},
    )
    (fact,) = received.batch.facts
    assert (fact.session_id, fact.tags) == ("s", {"service": "claude-code"})


def test_what_belongs_to_no_prompt() -> None:
    """A plugin that was loaded belongs to no turn, and the answer says so."""
    attributes = {"session.id": "s", "event.name": "plugin_loaded"}
    received = read(attributes, scope=CLAUDE_CODE, trace_id=b"", span_id=b"")
    assert received.rejected == []
    assert received.left == [
        "claude_code.plugin_loaded: it belongs to no prompt, and clustertrace keeps runs"
    ]


def test_numbers_that_are_written_out() -> None:
    """Claude Code writes some numbers and truth values as texts."""
    attributes = {"session.id": "s", "prompt.id": "7", "duration_ms": "77", "success": "false"}
    log = kept({**attributes, "tool_input": '{"a": 1}'}, scope=CLAUDE_CODE)
    assert log.attributes["duration_ms"] == 77
    assert log.attributes["success"] is False
    assert log.attributes["tool_input"] == {"a": 1}
    assert log.attributes["prompt.id"] == "7"


@pytest.mark.parametrize(
    ("score", "metrics"), [(0.5, [("tone", 0.5)]), (-1, [("tone", -1.0)]), ("good", []), (True, [])]
)
def test_a_number_of_an_evaluation_is_a_metric_of_its_span(
    score: Any, metrics: list[tuple[str, float]]
) -> None:
    """The result of an evaluation is a metric of the span that it names, if it has a number."""
    attributes = {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": score}
    received = read(attributes, event_name="gen_ai.evaluation.result")
    found = [metric for fact in received.batch.facts for metric in fact.metrics]
    assert [(metric.name, metric.value) for metric in found] == metrics
    assert {metric.span_id for metric in found} <= {SPAN}
    assert len(received.batch.logs) == 1


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """No body breaks the readers: it is a request, or BadInput."""
    for read_slices in (logs_of_json, logs_of_protobuf):
        with suppress(BadInput):
            list(read_slices(body, 10))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "attributes",
                    "key",
                    "value",
                    "body",
                    "stringValue",
                    "traceId",
                    "timeUnixNano",
                    "x",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_json(record: Any) -> None:
    """Any JSON in a record's place is a record, a reason, or BadInput."""
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    with suppress(BadInput):
        list(logs_of_json(json.dumps(body).encode(), 10))
