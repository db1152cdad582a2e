"""Any request at any address gets an answer, and never one that says that we broke."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
SEGMENTS = st.sampled_from(
    ["v1", "traces", "logs", "spans", "healthz", "trace", "pattern", "..", "%00", "%2e%2e"]
) | st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=8)  # fmt: skip
PATHS = st.one_of(
    st.sampled_from(
        [f"/v1/{what}{end}" for what in ("traces", "logs", "metrics", "spans") for end in ("", "/")]
    ),
    st.lists(SEGMENTS, max_size=4).map(lambda parts: "/" + "/".join(parts)),
)  # fmt: skip
TYPES = st.sampled_from(
    ["", "application/json", "application/x-protobuf", "application/x-ndjson", "text/plain",
     "application/json; charset=utf-16", "multipart/form-data", "x-www-form-urlencoded", "é"]
)  # fmt: skip
ENCODINGS = st.sampled_from(["", "gzip", "identity", "br", "deflate", "gzip, gzip", "x" * 300])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords",
             "resourceMetrics", "scopeMetrics", "metrics", "traceId", "spanId", "name",
             "attributes", "key", "value", "stringValue", "type", "trace_id", "span_id", "tags"]
        ), inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip
STATUSES = {200, 204, 307, 400, 403, 404, 405, 413, 415, 421, 422}


@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(method=METHODS, path=PATHS, kind=TYPES, encoding=ENCODINGS, content=st.binary() | JSON)
def test_any_request_is_answered(
    shared_receiver: Any, method: str, path: str, kind: str, encoding: str, content: Any
) -> None:
    """Whatever the method, address, type, encoding and body: never 5xx, never a cut connection."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    if encoding == "gzip" and len(body) % 2:
        body = gzip.compress(body)
    headers = {"Content-Type": kind.encode(), "Content-Encoding": encoding}
    try:
        request = shared_receiver.http.build_request(method, path, content=body, headers=headers)
    except httpx.InvalidURL:
        return
    answer = shared_receiver.http.send(request)
    assert answer.status_code in STATUSES, (answer.status_code, answer.text)
    assert "nosniff" in answer.headers["x-content-type-options"]


def test_a_request_that_is_no_http_is_answered(shared_receiver: Any) -> None:
    """Bytes of another protocol end their own connection only."""
    for data in (b"\x16\x03\x01\x02\x00", b"\x00" * 500, b"GET\r\n\r\n", b"POST / HTTP/1.1\r\na"):
        with socket.create_connection(("127.0.0.1", shared_receiver.port), timeout=10) as raw:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
    assert shared_receiver.health()["status"] == "ok"
