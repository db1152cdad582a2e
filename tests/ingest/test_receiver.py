"""A real receiver process, spoken to as programs do."""

from __future__ import annotations

import gzip
import itertools
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/x-protobuf"}
LINES = {"Content-Type": "application/x-ndjson"}

_numbers = itertools.count(1000)


@pytest.fixture
def new() -> int:
    """A trace number that no other test uses."""
    return next(_numbers)


def stored(receiver: Any, number: int) -> Any:
    """The trace of that number, None if there is none."""
    wanted = f"{number:032x}"
    return next((trace for trace in receiver.traces() if trace.trace_id == wanted), None)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/traces", "/v1/traces/", "/otel/v1/traces"),
        *("/api/public/otel/v1/traces", "/x/v1/traces/"),
    ],
)
def test_traces_are_taken_below_any_prefix(
    shared_receiver: Any, otlp_json: Callable[..., bytes], new: int, path: str
) -> None:
    """Traces are taken below any prefix, with and without a slash at the end."""
    answer = shared_receiver.http.post(path, content=otlp_json(2, new), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert len(stored(shared_receiver, new).spans) == 2


def test_content_type_with_parameters(
    shared_receiver: Any, otlp_json: Callable[..., bytes], new: int
) -> None:
    """A charset behind the content type is no other type."""
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    answer = shared_receiver.http.post("/v1/traces", content=otlp_json(1, new), headers=headers)
    assert answer.status_code == 200


def test_chunked_gzip(shared_receiver: Any, otlp_json: Callable[..., bytes], new: int) -> None:
    """A chunked body without a length, in gzip, is read like any other."""

    def chunks() -> Iterator[bytes]:
        body = gzip.compress(otlp_json(50, new))
        yield body[:10]
        yield body[10:]

    headers = {**JSON, "Content-Encoding": "gzip"}
    assert shared_receiver.http.post("/v1/traces", content=chunks(), headers=headers).is_success
    assert len(stored(shared_receiver, new).spans) == 50


def test_order_does_not_matter(
    shared_receiver: Any, otlp_json: Callable[..., bytes], new: int
) -> None:
    """Children first, one span a request, all of it twice: the same trace results."""
    other = next(_numbers)
    whole = json.loads(otlp_json(5, new))
    shared_receiver.http.post("/v1/traces", json=whole)
    spans = json.loads(otlp_json(5, other))["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for span in [*reversed(spans), *spans]:
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        assert shared_receiver.http.post("/v1/traces", json=body).json() == {}
    first, second = stored(shared_receiver, new), stored(shared_receiver, other)
    assert second._replace(trace_id="", spans=()) == first._replace(trace_id="", spans=())
    assert [s._replace(trace_id="") for s in second.spans] == [
        s._replace(trace_id="") for s in first.spans
    ]


def test_a_span_without_its_parent_is_a_trace(shared_receiver: Any, new: int) -> None:
    """A span whose parent never comes is a trace all the same."""
    span = {
        "traceId": f"{new:032x}",
        "spanId": "a" * 16,
        "parentSpanId": "b" * 16,
        "name": "orphan",
        "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000000000000001",
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert shared_receiver.http.post("/v1/traces", json=body).is_success
    assert stored(shared_receiver, new).name == "orphan"


def test_partial_success(shared_receiver: Any, otlp_json: Callable[..., bytes], new: int) -> None:
    """Bad spans are counted and named in the answer; the good ones are stored."""
    body = json.loads(otlp_json(6, new))
    spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for span in spans[1:5]:
        span["spanId"] = "short"
    answer = shared_receiver.http.post("/v1/traces", json=body)
    part = answer.json()["partialSuccess"]
    assert (answer.status_code, part["rejectedSpans"]) == (200, "4")
    assert part["errorMessage"].startswith("span 'step 1': its span id is not 16 hex digits")
    assert part["errorMessage"].endswith("; and 1 more")
    assert len(stored(shared_receiver, new).spans) == 2


def test_partial_success_in_protobuf(shared_receiver: Any) -> None:
    """A protobuf request gets its partial success in protobuf."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add().name = "no ids"
    answer = shared_receiver.http.post(
        "/v1/traces", content=request.SerializeToString(), headers=PROTOBUF
    )
    assert answer.headers["content-type"] == "application/x-protobuf"
    part = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert part.rejected_spans == 1
    assert "no ids" in part.error_message


@pytest.mark.parametrize(("headers", "empty"), [(JSON, b"{}"), (PROTOBUF, b"")])
def test_empty_request(shared_receiver: Any, headers: dict[str, str], empty: bytes) -> None:
    """A request without spans is fine."""
    answer = shared_receiver.http.post("/v1/traces", content=empty, headers=headers)
    assert (answer.status_code, answer.content) == (200, empty)


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({**JSON, "Content-Encoding": "gzip"}, b"plain", 400),
        ({**JSON, "Content-Encoding": "br"}, b"{}", 415),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"{}", 415),
        ({}, b"{}", 415),
        (JSON, b" " * (16 * 1024 * 1024 + 1), 413),
        ({**PROTOBUF, "Content-Encoding": "gzip"}, gzip.compress(bytes(1 << 25)), 413),
    ],
)
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs", "/v1/metrics"])
def test_what_cannot_be_taken_is_refused_with_its_own_status(
    shared_receiver: Any, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    """What can't be taken is refused with its own status and one sentence, never with 500."""
    check_refusal(shared_receiver.http.post(path, content=body, headers=headers), status)


@pytest.mark.parametrize(
    ("headers", "body"),
    [(JSON, b"{"), (JSON, b'{"resourceSpans": 1}'), (PROTOBUF, b"\xff\xff")],
)
def test_a_body_that_is_no_request_is_refused(
    shared_receiver: Any, headers: dict[str, str], body: bytes
) -> None:
    """A body that is no trace request is refused as such."""
    check_refusal(shared_receiver.http.post("/v1/traces", content=body, headers=headers), 400)


def check_refusal(answer: Any, status: int) -> None:
    """A google.rpc.Status with code 3 and a sentence, in the encoding of the request."""
    assert answer.status_code == status
    if answer.request.headers.get("content-type") == "application/x-protobuf":
        assert answer.headers["content-type"] == "application/x-protobuf"
        assert answer.content.startswith(b"\x08\x03\x12")
    else:
        assert answer.json()["code"] == 3
        assert "\n" not in answer.json()["message"]


def test_get_is_no_post(shared_receiver: Any) -> None:
    """Whoever opens the address in a browser reads what it is for."""
    answer = shared_receiver.http.get("/v1/traces")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/metrics"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        *((JSON, body) for body in (b"{", b"[]", b'{"resourceLogs": 1, "resourceMetrics": 1}')),
        (PROTOBUF, b"\xff\xff"),
    ],
)
def test_undecodable_signals(
    shared_receiver: Any, path: str, headers: dict[str, str], body: bytes
) -> None:
    """A body that is no request of its signal is refused as such."""
    check_refusal(shared_receiver.http.post(path, content=body, headers=headers), 400)


@pytest.mark.parametrize("path", ["/v1/logs", "/v1/metrics/", "/otel/v1/logs"])
@pytest.mark.parametrize(("headers", "empty"), [(JSON, b"{}"), (PROTOBUF, b"")])
def test_empty_signals(
    shared_receiver: Any, path: str, headers: dict[str, str], empty: bytes
) -> None:
    """A request without records is fine, below any prefix."""
    answer = shared_receiver.http.post(path, content=empty, headers=headers)
    assert (answer.status_code, answer.content) == (200, empty)


def test_native_spans(shared_receiver: Any, new: int) -> None:
    """Native lines are stored; bad ones are told by number and reason."""
    span = {
        "type": "span",
        "trace_id": f"{new:032x}",
        "span_id": "1" * 16,
        "name": "root",
        "kind": "agent",
        "start_time_unix_nano": 1_700_000_000_000_000_000,
        "end_time_unix_nano": 1_700_000_000_000_000_001,
        "tags": {"team": "a"},
    }
    body = b"\n".join([json.dumps(span).encode(), b"nonsense", b"", b"[]", b""])
    answer = shared_receiver.http.post("/v1/spans", content=body, headers=LINES)
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1
    assert [bad["line"] for bad in answer.json()["rejected"]] == [2, 4]
    assert stored(shared_receiver, new).tags == {"team": "a"}


def test_native_lines_keep_their_numbers(shared_receiver: Any) -> None:
    """Line numbers count from the start of the body, however it is cut up inside."""
    body = b"\n" * 2_500 + b"nonsense"
    answer = shared_receiver.http.post("/v1/spans", content=body, headers=LINES)
    assert [bad["line"] for bad in answer.json()["rejected"]] == [2_501]


def test_native_spans_as_text(shared_receiver: Any) -> None:
    """Text, which any web page may send, is refused."""
    answer = shared_receiver.http.post(
        "/v1/spans", content=b"", headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415


def test_foreign_origin_and_host(shared_receiver: Any, otlp_json: Callable[..., bytes]) -> None:
    """Other sites' pages, and names rebound to us, are refused; this machine's pages are not."""
    post = shared_receiver.http.post
    body = otlp_json(1)
    for origin, status in (
        ("https://evil.example", 403),
        ("null", 403),
        (f"http://localhost:{shared_receiver.port + 1}", 200),
        (f"http://127.0.0.1:{shared_receiver.port}", 200),
    ):
        answer = post("/v1/traces", content=body, headers={**JSON, "Origin": origin})
        assert answer.status_code == status, origin
        assert ("access-control-allow-origin" in answer.headers) == (status == 200)
    answer = shared_receiver.http.get("/healthz", headers={"Host": "evil.example"})
    assert answer.status_code == 421


def test_health_tells_what_supervisors_and_people_need(shared_receiver: Any) -> None:
    """Health tells what watches and people need."""
    health = shared_receiver.health()
    assert health["status"] == "ok"
    assert health["ui"] == "off"
    assert health["db"] == str(shared_receiver.db)
    assert set(health) >= {"version", "spans_waiting", "spans_stored", "trouble"}


@pytest.mark.parametrize("what", ["trace", "pattern"])
def test_deep_links(shared_receiver: Any, what: str) -> None:
    """Links to a trace and to a pattern lead to the page, whatever the id holds."""
    answer = shared_receiver.http.get(f"/{what}/ab%26c%3Fd")
    assert (answer.status_code, answer.headers["location"]) == (307, f"/{what}?id=ab%26c%3Fd")


def test_concurrent_clients(shared_receiver: Any, otlp_json: Callable[..., bytes]) -> None:
    """Many clients at once: every acknowledged span is there."""
    numbers = [next(_numbers) for _ in range(60)]

    def send(number: int) -> int:
        answer = shared_receiver.http.post("/v1/traces", content=otlp_json(7, number), headers=JSON)
        return int(answer.status_code)

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(send, numbers)) == {200}
    spans = {trace.trace_id: len(trace.spans) for trace in shared_receiver.traces()}
    assert all(spans[f"{number:032x}"] == 7 for number in numbers)


def test_killed_after_the_answer(
    start_receiver: Callable[..., Any], otlp_json: Callable[..., bytes]
) -> None:
    """What was acknowledged survives SIGKILL."""
    with start_receiver() as receiver:
        assert receiver.http.post("/v1/traces", content=otlp_json(100), headers=JSON).is_success
        receiver.process.kill()
        receiver.process.wait()
        assert len(receiver.traces()[0].spans) == 100


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_in_order(start_receiver: Callable[..., Any], number: signal.Signals) -> None:
    """Asked to stop, it ends with exit code 0 and no traceback."""
    with start_receiver() as receiver:
        receiver.process.send_signal(number)
        _, errors = receiver.process.communicate(timeout=30)
        assert receiver.process.returncode == 0
        assert b"Traceback" not in errors


def test_settles_and_drains_by_itself(
    start_receiver: Callable[..., Any], otlp_json: Callable[..., bytes]
) -> None:
    """Without any command, spools are drained, and traces settled and searchable."""
    from clustertrace.store import Store, queries

    with start_receiver() as receiver:
        receiver.http.post("/v1/traces", content=otlp_json(2), headers=JSON)
        spool = receiver.db.with_name(receiver.db.name + ".spool")
        spool.mkdir(mode=0o700, exist_ok=True)
        line = {
            "type": "span",
            "trace_id": "f" * 32,
            "span_id": "f" * 16,
            "name": "recorded",
            "start_time_unix_nano": 1,
            "end_time_unix_nano": 2,
        }
        (spool / "1-1-0.jsonl").write_text(json.dumps(line) + "\n")
        with Store.open(receiver.db) as store:

            def seen() -> bool:
                with store.read() as conn:
                    return (
                        queries.overview(conn).traces == 2
                        and len(queries.search(conn, "recorded").hits) == 1
                    )

            receiver.until(seen)


def test_database_in_use(
    start_receiver: Callable[..., Any], otlp_json: Callable[..., bytes], tmp_path: Path
) -> None:
    """While another program holds the database, senders are told to try again."""
    import sqlite3

    with start_receiver() as receiver:
        receiver.http.post("/v1/traces", content=otlp_json(1), headers=JSON)
        other = sqlite3.connect(receiver.db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = receiver.http.post("/v1/traces", content=otlp_json(1, 2), headers=JSON, timeout=60)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        other.execute("ROLLBACK")
        other.close()
        assert receiver.http.post("/v1/traces", content=otlp_json(1, 2), headers=JSON).is_success


def test_port_taken(tmp_path: Path) -> None:
    """A taken port is one sentence and exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "clustertrace.ingest", "--no-ui"),
                *("--port", str(taken.getsockname()[1]), "--db", str(tmp_path / "a.db")),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 2
    assert "is taken by another program" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "word"),
    [
        (["--host", "203.0.113.7"], {}, "--host"),
        (["--port", "99999"], {}, "--port"),
        (["--db", "/proc/nowhere/x.db"], {}, "/proc/nowhere"),
        ([], {"CLUSTERTRACE_OTLP_MAX_BYTES": "many"}, "CLUSTERTRACE_OTLP_MAX_BYTES"),
        ([], {"CLUSTERTRACE_PRICING_JSON": "/nowhere"}, "CLUSTERTRACE_PRICING_JSON"),
    ],
)
def test_can_not_serve(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    word: str,
) -> None:
    """Whatever keeps it from serving is one sentence and exit code 2."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "clustertrace.ingest", "--no-ui", "--port", "0"),
            *("--db", str(tmp_path / "a.db"), *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 2, ended.stderr
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr


def test_limit_from_the_environment(
    start_receiver: Callable[..., Any], otlp_json: Callable[..., bytes]
) -> None:
    """CLUSTERTRACE_OTLP_MAX_BYTES is the largest body that is taken."""
    with start_receiver(CLUSTERTRACE_OTLP_MAX_BYTES="2000") as receiver:
        assert receiver.http.post("/v1/traces", content=otlp_json(1), headers=JSON).is_success
        answer = receiver.http.post("/v1/traces", content=otlp_json(50), headers=JSON)
        assert answer.status_code == 413
        assert "2000 bytes" in answer.json()["message"]


def test_the_log_says_once_what_exporters_drop(
    start_receiver: Callable[..., Any], otlp_json: Callable[..., bytes]
) -> None:
    """An exporter shows only the status, so the log says what was refused, why, and what to do."""
    with start_receiver(CLUSTERTRACE_OTLP_MAX_BYTES="2000") as receiver:
        for _ in range(2):
            answer = receiver.http.post("/v1/traces", content=otlp_json(50), headers=JSON)
        receiver.process.terminate()
        _, errors = receiver.process.communicate(timeout=30)
    (line,) = errors.decode().splitlines()
    assert line == (
        "clustertrace: traces were refused with 413, so exporters drop them: "
        + answer.json()["message"]
    )
