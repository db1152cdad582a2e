from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustertrace.conventions.otlp.traces import decode_json, decode_protobuf
from clustertrace.errors import BadInput
from clustertrace.model import Span

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | texts
    | st.binary(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
keys = texts | st.sampled_from(
    [
        *("gen_ai.operation.name", "gen_ai.usage.input_tokens", "gen_ai.input.messages"),
        *("gen_ai.request.model", "openinference.span.kind", "llm.input_messages.0.message.role"),
        *("llm.input_messages.0", "gen_ai.prompt.0.content", "llm.cost.total", "session.id"),
        *("gen_ai.system_instructions", "gen_ai.response.finish_reasons", "error.type"),
        *("input.value", "llm.invocation_parameters", "traceloop.span.kind", "exception.type"),
    ]
)
attributes = st.dictionaries(keys, values, max_size=8)
times = st.integers(0, 2**64 - 1) | st.integers(1, 2**62)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    attributes=attributes,
    resource=attributes,
    event=attributes,
    link=attributes,
    name=texts,
    event_name=texts | st.sampled_from(["exception", "gen_ai.user.message", "gen_ai.choice"]),
    status=st.integers(0, 3),
    kind=st.integers(0, 5),
    dropped=st.integers(0, 2**32 - 1),
    start=times,
    end=times,
    parent=st.sampled_from([b"", b"\0" * 8, b"\1" * 8, b"\1" * 4]),
    trace_id=st.sampled_from([b"\1" * 16, b"\0" * 16, b"\1" * 8, b""]),
)
def test_encodings_agree(
    request_of: Callable[..., Any],
    as_json: Callable[..., bytes],
    attributes: dict[str, Any],
    resource: dict[str, Any],
    event: dict[str, Any],
    link: dict[str, Any],
    name: str,
    event_name: str,
    status: int,
    kind: int,
    dropped: int,
    start: int,
    end: int,
    parent: bytes,
    trace_id: bytes,
) -> None:
    """Whatever a request holds, protobuf and JSON give the same records, and never raise."""
    request = request_of(
        attributes,
        resource=resource,
        events=[(event_name, event)],
        links=[link],
        name=name,
        status=status,
        kind=kind,
        dropped_attributes_count=dropped,
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        parent_span_id=parent,
        trace_id=trace_id,
    )
    from_protobuf = decode_protobuf(request.SerializeToString())
    from_json = decode_json(as_json(request))
    assert from_json.batch == from_protobuf.batch
    assert len(from_json.rejected) == len(from_protobuf.rejected)
    assert decode_protobuf(request.SerializeToString()) == from_protobuf


def test_error_is_two(mapped: Callable[..., Span]) -> None:
    """Status code 2 is an error in protobuf; 0 and 1 are not."""
    assert [mapped(status=code).status for code in (0, 1, 2)] == ["ok", "ok", "error"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (2, "error"),
        ("2", "error"),
        ("STATUS_CODE_ERROR", "error"),
        (1, "ok"),
        ("?", "ok"),
        ([], "ok"),
    ],
)
def test_error_in_json(code: object, status: str) -> None:
    """In JSON the status code may be a number or its name."""
    assert decode_json(one_span(status={"code": code})).batch.spans[0].status == status


def one_span(**fields: Any) -> bytes:
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "name": "step",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": 1700000001000000000,
        **fields,
    }
    span = {key: value for key, value in span.items() if value is not ...}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_json_as_programs_write_it() -> None:
    """Ids are hex in any case, times are strings or numbers, whole numbers both as well."""
    pairs = [
        {"key": "a", "value": {"intValue": 12}},
        {"key": "b", "value": {"intValue": "-12"}},
        {"key": "c", "value": {"doubleValue": "NaN"}},
        {"key": "d", "value": {"doubleValue": 3}},
        {"key": "e", "value": {}},
        {"key": "f"},
        {"key": "g", "value": {"bytesValue": "-_8"}},
        {"key": "h", "value": {"arrayValue": {}}},
    ]
    span = decode_json(one_span(attributes=pairs, kind="SPAN_KIND_CLIENT")).batch.spans[0]
    assert span.trace_id == "5b8efff798038103d269b633813fc60c"
    assert (span.start_ns, span.end_ns) == (1700000000000000000, 1700000001000000000)
    assert span.attributes == {
        "otel.kind": "client",
        "a": 12,
        "b": -12,
        "c": "NaN",
        "d": 3.0,
        "e": None,
        "f": None,
        "g": "+/8=",
        "h": [],
    }


@pytest.mark.parametrize("parent", [..., None, "", "0000000000000000"])
def test_a_missing_parent_makes_a_root(parent: object) -> None:
    """A missing, empty or zero parent makes a root."""
    assert decode_json(one_span(parentSpanId=parent)).batch.spans[0].parent_span_id is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"traceId": ""}, "trace id"),
        ({"traceId": "0" * 32}, "trace id"),
        ({"traceId": "abc"}, "trace id"),
        ({"spanId": ...}, "span id"),
        ({"parentSpanId": "12"}, "parent"),
        ({"startTimeUnixNano": ...}, "start"),
        ({"startTimeUnixNano": str(2**63)}, "start"),
        ({"startTimeUnixNano": "soon"}, "whole number"),
        ({"endTimeUnixNano": -1}, "end"),
        ({"attributes": [{"value": {}}]}, "key"),
        ({"attributes": [{"key": "a", "value": 3}]}, "stringValue"),
        ({"attributes": [{"key": "a", "value": {"intValue": "1.5"}}]}, "whole number"),
        ({"attributes": "none"}, "attribute"),
        ({"name": 7}, "text"),
        ({"status": []}, "object"),
        ({"events": [1]}, "events"),
    ],
)
def test_bad_span_costs_no_other(fields: dict[str, Any], reason: str) -> None:
    """A span that can't be used is rejected alone, with the reason."""
    bad = json.loads(one_span(**fields))["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    body = json.loads(one_span())
    body["resourceSpans"][0]["scopeSpans"][0]["spans"].insert(0, bad)
    received = decode_json(json.dumps(body).encode())
    assert len(received.batch.spans) == 1
    assert len(received.rejected) == 1
    assert reason in received.rejected[0]


@pytest.mark.parametrize("depth", [300, 330, 5000])
def test_deep_value(depth: int) -> None:
    """A value nested beyond reason is kept, or refused in one sentence; it breaks nothing."""
    value = '{"arrayValue":{"values":[' * depth + "{}" + "]}}" * depth
    body = one_span(attributes=[{"key": "deep", "value": "?"}]).replace(b'"?"', value.encode())
    try:
        received = decode_json(body)
    except BadInput:
        return
    assert len(received.batch.spans) + len(received.rejected) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"resourceSpans": 3}', b'{"resourceSpans": [3]}'],
)
def test_bad_json(body: bytes) -> None:
    """A body that is no trace request is refused as a whole."""
    with pytest.raises(BadInput):
        decode_json(body)


@pytest.mark.parametrize("body", [b"\x0a\xff\xff", b"not protobuf", b"\x0a\x05abc"])
def test_bad_protobuf(body: bytes) -> None:
    """A body that is no trace request is refused as a whole."""
    with pytest.raises(BadInput, match="protobuf"):
        decode_protobuf(body)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """Any bytes are either read or refused, and nothing else is raised."""
    for decode in (decode_protobuf, decode_json):
        with suppress(BadInput):
            assert decode(body).batch is not None


def test_end_before_start(mapped: Callable[..., Span]) -> None:
    """A span that ends before it starts is kept, with no duration."""
    span = mapped(end_time_unix_nano=5)
    assert span.end_ns == span.start_ns


def test_no_end(mapped: Callable[..., Span]) -> None:
    """A span without an end still runs."""
    span = mapped(end_time_unix_nano=0)
    assert (span.status, span.end_ns) == ("running", None)


def test_nothing_is_lost(mapped: Callable[..., Span]) -> None:
    """What has no field of its own stays among the attributes."""
    span = mapped(
        {"custom": 1, "gen_ai.response.id": "r-1"},
        resource={"service.name": "shop"},
        events=[("retry", {"attempt": 2})],
        links=[{"why": "batch"}],
        kind=3,
        trace_state="a=b",
        dropped_attributes_count=3,
    )
    assert span.attributes == {
        "resource.service.name": "shop",
        "scope.name": "tests",
        "otel.kind": "client",
        "otel.trace_state": "a=b",
        "otel.dropped_attributes_count": 3,
        "links": [{"trace_id": "07" * 16, "span_id": "07" * 8, "attributes": {"why": "batch"}}],
        "custom": 1,
        "gen_ai.response.id": "r-1",
        "events": [
            {
                "name": "retry",
                "time_unix_nano": 1_700_000_000_500_000_000,
                "attributes": {"attempt": 2},
            }
        ],
    }


@pytest.mark.parametrize(
    ("service", "tags"),
    [("shop", {"service": "shop"}), ("unknown_service:python", None), (None, None)],
)
def test_service_tag(
    request_of: Callable[..., Any], service: str | None, tags: dict[str, str] | None
) -> None:
    """A trace is tagged with the service of its root, unless the SDK made the name up."""
    request = request_of(resource={} if service is None else {"service.name": service})
    facts = decode_protobuf(request.SerializeToString()).batch.facts
    assert [fact.tags for fact in facts] == ([] if tags is None else [tags])


def test_a_root_span_speaks_for_its_run(request_of: Callable[..., Any]) -> None:
    """Outcome, reason and tags can be said by any OpenTelemetry program; a child's word is none."""
    attributes = {
        "clustertrace.outcome": "fail",
        "clustertrace.outcome_reason": "no source",
        "clustertrace.tag.tier": "gold",
        "clustertrace.tag.turns": 3,
    }
    root = request_of(attributes).SerializeToString()
    [facts] = decode_protobuf(root).batch.facts
    assert (facts.outcome, facts.outcome_reason) == ("fail", "no source")
    assert facts.tags == {"tier": "gold", "turns": "3"}
    child = request_of(attributes, parent_span_id=b"\1" * 8).SerializeToString()
    assert decode_protobuf(child).batch.facts == []
    odd = request_of({"clustertrace.outcome": ["won"]}).SerializeToString()
    assert decode_protobuf(odd).batch.facts == []


def test_service_of_a_child(request_of: Callable[..., Any]) -> None:
    """A child says nothing about its trace's service."""
    request = request_of(resource={"service.name": "shop"}, parent_span_id=b"\1" * 8)
    assert decode_protobuf(request.SerializeToString()).batch.facts == []
