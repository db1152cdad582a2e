"""Taking an OTLP request apart: what the protobuf library reads whole, item by item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from clustertrace.conventions.otlp.logs import logs_of_protobuf
from clustertrace.conventions.otlp.metrics import metrics_of_protobuf
from clustertrace.conventions.otlp.traces import decode_protobuf
from clustertrace.conventions.otlp.walk import Kind, scopes
from clustertrace.errors import BadInput

TRACES = Kind(ExportTraceServiceRequest, Span, "resource_spans", "scope_spans", "spans")

Flat = list[tuple[Any, Any, Any]]
"""Resource, scope and span of each span."""


def whole(body: bytes) -> Flat:
    """What the library makes of a request. Raises DecodeError."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        (of_resource.resource, of_scope.scope, span)
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
        for span in of_scope.spans
    ]


def taken_apart(body: bytes, large: int) -> Flat:
    """What we make of it; a span that can't be decoded is None. Raises BadInput."""
    return [
        (one.resource, one.scope, span) for one in scopes(body, TRACES, large) for span in one.items
    ]


def walked(body: bytes) -> Flat:
    """The same of a request that counts as large."""
    return taken_apart(body, 0)


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@st.composite
def requests(draw: st.DrawFn) -> ExportTraceServiceRequest:
    """Requests of any shape, empty parts included."""
    request = ExportTraceServiceRequest()
    for scope_names in draw(
        st.lists(st.lists(st.lists(names, max_size=3), max_size=3), max_size=3)
    ):
        of_resource = request.resource_spans.add(schema_url=draw(names))
        of_resource.resource.dropped_attributes_count = draw(st.integers(0, 2**32 - 1))
        for span_names in scope_names:
            of_scope = of_resource.scope_spans.add()
            of_scope.scope.name = draw(names)
            for name in span_names:
                of_scope.spans.add(name=name, start_time_unix_nano=draw(st.integers(0, 2**64 - 1)))
    return request


@given(requests())
def test_it_reads_what_the_library_reads(request: ExportTraceServiceRequest) -> None:
    """Every span, with its resource and its scope, in order, be it large or small."""
    body = request.SerializeToString()
    assert walked(body) == taken_apart(body, len(body) + 1) == whole(body)


@given(requests(), st.data())
def test_it_reads_broken_requests_as_the_library_does(
    request: ExportTraceServiceRequest, data: st.DataObject
) -> None:
    """Where bytes of a request are lost or changed, all is as before, or it is refused."""
    body = bytearray(request.SerializeToString())
    if body:
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=2))
    try:
        found = walked(bytes(body))
    except BadInput:
        found = None
    try:
        expected = whole(bytes(body))
    except DecodeError:
        return  # the library minds more: a schema's address that is no UTF-8, say
    # Groups, which protobuf gave up before OTLP began, are the one thing that only it skips.
    assert found == expected or (found is None and any(byte & 7 in (3, 4) for byte in body))


def test_fields_may_come_in_any_order_and_twice() -> None:
    """A description behind its spans, and one in two halves, count all the same."""
    first, second = ExportTraceServiceRequest(), ExportTraceServiceRequest()
    first.resource_spans.add().scope_spans.add().spans.add(name="run")
    second.resource_spans.add().resource.attributes.add(key="service.name")
    inner = [part.resource_spans[0].SerializeToString() for part in (first, second, second)]
    body = framed(b"".join(inner))
    assert walked(body) == whole(body)
    assert [one.key for one in walked(body)[0][0].attributes] == ["service.name"] * 2


def framed(message: bytes) -> bytes:
    """A message as the first field of another."""
    assert len(message) < 128
    return b"\x0a" + bytes([len(message)]) + message


@pytest.mark.parametrize("body", [b"\x0a", b"\x0a\x05abc", b"\x09abc", b"\xff" * 12, b"\x0b\x0c"])
def test_a_broken_frame_is_no_request(body: bytes) -> None:
    """Bytes missing, a number without an end, a group."""
    with pytest.raises(BadInput):
        walked(body)


def test_one_broken_item_costs_no_other(request_of: Callable[..., Any]) -> None:
    """A name that is no UTF-8, which makes the library refuse a request whole, is told as one."""
    good = request_of(name="a good one", trace_id=b"\1" * 16, span_id=b"\1" * 8)
    bad = request_of(name="a bad one!", trace_id=b"\2" * 16, span_id=b"\2" * 8)
    body = bad.SerializeToString().replace(b"bad", b"b\xff\xfe") + good.SerializeToString()
    with pytest.raises(DecodeError):
        whole(body)
    received = decode_protobuf(body)
    assert [span.name for span in received.batch.spans] == ["a good one"]
    assert received.rejected == ["a span: it can't be decoded"]


@pytest.mark.parametrize(
    ("decode", "sentence"),
    [
        (logs_of_protobuf, "a log record: it can't be decoded"),
        (metrics_of_protobuf, "a metric: it can't be decoded"),
    ],
)
def test_records_and_metrics_likewise(decode: Any, sentence: str) -> None:
    """An item of one byte, which promises more, is told as one."""
    body = framed(b"\x12\x03" + b"\x12\x01\xff")
    (received,) = decode(body, 10)
    assert received.rejected == [sentence]
