"""Taking an OTLP request in JSON apart: what is read whole, item by item."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.conventions.otlp.json_walk import Kind, scopes
from clustertrace.conventions.otlp.logs import logs_of_json
from clustertrace.conventions.otlp.traces import decode_json
from clustertrace.errors import BadInput

TRACES = Kind("trace", "resourceSpans", "scopeSpans", "spans")

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
described = st.none() | st.dictionaries(st.text(max_size=5), plain, max_size=3)
some_scopes = st.lists(
    st.fixed_dictionaries(
        {}, optional={"scope": described, "spans": st.none() | st.lists(plain), "schemaUrl": plain}
    ),
    max_size=3,
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "resourceSpans": st.none()
        | st.lists(
            st.fixed_dictionaries(
                {}, optional={"resource": described, "scopeSpans": some_scopes, "more": plain}
            ),
            max_size=3,
        ),
        "unknown": plain,
    },
)


def read(body: bytes, large: int) -> list[tuple[Any, Any, list[Any]]]:
    """Every scope of a request with its resource and its spans. Raises BadInput."""
    return [(one.resource, one.scope, list(one.items)) for one in scopes(body, TRACES, large)]


def tried(body: bytes, large: int) -> list[Any] | None:
    """As `read`; None where the request is refused."""
    try:
        return read(body, large)
    except BadInput:
        return None


@given(requests)
def test_large_and_small_are_the_same(request: dict[str, Any]) -> None:
    """What is parsed item by item is what is parsed whole, in the same order."""
    body = json.dumps(request).encode()
    assert read(body, 0) == read(body, len(body) + 1)


@given(requests, st.data())
def test_a_large_request_is_refused_as_a_small_one(
    request: dict[str, Any], data: st.DataObject
) -> None:
    """One byte changed anywhere: what a small request is refused for, a large one is too."""
    body = bytearray(json.dumps(request).encode())
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(32, 126))
    assert tried(bytes(body), 0) == tried(bytes(body), len(body) + 1)


def span(name: str) -> dict[str, Any]:
    """A span as it is written."""
    return {"traceId": "1" * 32, "spanId": "1" * 16, "name": name, "startTimeUnixNano": "5"}


def large(*spans: bytes) -> bytes:
    """A request of more than a mebibyte."""
    padding = json.dumps(span("x" * (1 << 20))).encode()
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b",".join((*spans, padding)) + b"]}]}]}"


def test_one_that_is_no_text_costs_no_other() -> None:
    """In a large request a span with bytes that are no UTF-8 is named, and the rest is taken."""
    good = json.dumps(span("good")).encode()
    found = decode_json(large(good.replace(b"good", b"\xff"), good))
    assert [one.name[:4] for one in found.batch.spans] == ["good", "xxxx"]
    assert found.rejected == ["a span: it is not a JSON object"]


def test_numbers_that_json_has_not() -> None:
    """NaN, which Python's own writer makes, is read in a large request as in a small one."""
    strange = json.dumps({**span("strange"), "kind": float("nan")}).encode()
    found = decode_json(large(strange))
    assert [one.name[:4] for one in found.batch.spans] == ["stra", "xxxx"]


@pytest.mark.parametrize("body", [b"[1]", b'{"resourceSpans":5}', b'{"resourceSpans":[5]}'])
def test_what_is_no_request(body: bytes) -> None:
    """A large body of another shape is refused, with what is wrong."""
    with pytest.raises(BadInput, match="must be"):
        decode_json(body + b" " * (1 << 20))


def test_a_record_that_is_no_object_costs_no_other() -> None:
    """Log records are taken one by one, too."""
    record = {"timeUnixNano": "5", "traceId": "1" * 32, "body": {"stringValue": "x"}}
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [7, record]}]}]}
    (found,) = logs_of_json(json.dumps(request).encode(), 1_000)
    assert len(found.batch.logs) == 1
    assert found.rejected == ["a log record: it is not a JSON object"]
