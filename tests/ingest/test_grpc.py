"""OTLP/gRPC: the real exporters against a real receiver, and every way to be refused."""

from __future__ import annotations

import gzip
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.ingest.conftest import Receiver, running

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LIMIT = 100_000


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One receiver that takes gRPC, with a small limit, for all tests of this file."""
    db = tmp_path_factory.mktemp("grpc") / "traces.db"
    arguments = ("--no-ui", "--grpc-port", "0")
    with running(db, arguments, CLUSTERTRACE_OTLP_MAX_BYTES=str(LIMIT)) as started:
        started.until(lambda: started.health()["grpc"] is not None)
        yield started


@pytest.fixture
def send(receiver: Receiver) -> Iterator[Callable[..., bytes]]:
    """Send bytes as a message to the trace service; the answer's bytes."""
    with grpc.insecure_channel(target(receiver)) as channel:
        call = channel.unary_unary(EXPORT)
        yield lambda message, **options: call(message, timeout=20, **options)


def target(receiver: Receiver) -> str:
    return f"localhost:{receiver.health()['grpc']}"


def spans(count: int, trace: int = 1, name: str = "step", text: str = "") -> bytes:
    """A trace request with so many spans."""
    request = ExportTraceServiceRequest()
    of_scope = request.resource_spans.add().scope_spans.add()
    for number in range(1, count + 1):
        span = of_scope.spans.add(
            trace_id=trace.to_bytes(16, "big"),
            span_id=number.to_bytes(8, "big"),
            name=name,
            start_time_unix_nano=1_700_000_000_000_000_000 + number,
            end_time_unix_nano=1_700_000_000_000_001_000 + number,
        )
        if text:
            span.attributes.add(key="note").value.string_value = text
    encoded: bytes = request.SerializeToString()
    return encoded


def stored(receiver: Receiver, number: int) -> int:
    """How many spans of that trace are stored."""
    return sum(len(t.spans) for t in receiver.traces() if t.trace_id == f"{number:032x}")


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_program_that_knows_only_the_address_shows_up_whole(
    receiver: Receiver, compression: grpc.Compression
) -> None:
    """A program that is told nothing but the address shows up whole."""
    exporter = OTLPSpanExporter(
        endpoint=f"http://{target(receiver)}", insecure=True, compression=compression
    )
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    name = f"shop-{compression.name}"
    with provider.get_tracer("tests").start_as_current_span(name):
        for _ in range(30):
            with provider.get_tracer("tests").start_as_current_span("execute_tool lookup"):
                pass
    provider.shutdown()
    (trace,) = [one for one in receiver.traces() if one.name == name]
    assert len(trace.spans) == 31


def test_logs_and_metrics(receiver: Receiver) -> None:
    """The services of the other signals lead where their HTTP addresses lead."""
    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    endpoint = f"http://{target(receiver)}"
    provider = TracerProvider()
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True))
    )
    logs = LoggerProvider()
    logs.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(endpoint=endpoint, insecure=True))
    )
    meters = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint, insecure=True))]
    )
    with provider.get_tracer("tests").start_as_current_span("with a log"):
        logs.get_logger("tests").emit(LogRecord(timestamp=time.time_ns(), body="no more apples"))
    meters.get_meter("tests").create_counter("orders").add(1)
    assert meters.force_flush()
    for exporting in (provider, logs, meters):
        exporting.shutdown()
    (trace,) = [one for one in receiver.traces() if one.name == "with a log"]
    assert "no more apples" in repr(trace.spans)


def test_an_answer_says_how_many_were_not_stored(
    send: Callable[..., bytes], receiver: Receiver
) -> None:
    """All stored: an empty answer. Some not: how many, and why."""
    assert send(spans(3, 70)) == b""
    assert stored(receiver, 70) == 3
    request = ExportTraceServiceRequest.FromString(spans(3, 71))
    request.resource_spans[0].scope_spans[0].spans[0].span_id = b"short"
    part = ExportTraceServiceResponse.FromString(send(request.SerializeToString())).partial_success
    assert part.rejected_spans == 1
    assert "span id" in part.error_message
    assert stored(receiver, 71) == 2
    assert send(b"") == b""


@pytest.mark.parametrize(
    ("message", "options", "code"),
    [
        (b"\xff\xff", {}, grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x1f\x8b broken", {}, grpc.StatusCode.INVALID_ARGUMENT),
        (spans(1, 72, text="x" * LIMIT), {}, grpc.StatusCode.RESOURCE_EXHAUSTED),
        (
            spans(1, 72, text="x" * LIMIT),
            {"compression": grpc.Compression.Gzip},
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        ),
        (gzip.compress(b"\n" * (1 << 25)), {}, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_what_can_never_be_taken_is_refused_for_good(
    send: Callable[..., bytes],
    receiver: Receiver,
    message: bytes,
    options: dict[str, Any],
    code: grpc.StatusCode,
) -> None:
    """What can't be decoded, or is too large once decompressed, is refused, not put off."""
    with pytest.raises(grpc.RpcError) as refused:
        send(message, **options)
    assert refused.value.code() is code
    assert "google.rpc.retryinfo-bin" not in dict(refused.value.trailing_metadata())
    assert send(spans(1, 73)) == b""


def test_no_room_for_now(start_receiver: Callable[..., Any]) -> None:
    """While the database is held by another program, senders hear when to try again."""
    with start_receiver("--no-ui", "--grpc-port", "0") as receiver:
        receiver.until(lambda: receiver.health()["grpc"] is not None)
        sent = {"Content-Type": "application/x-protobuf"}
        receiver.http.post("/v1/traces", content=spans(1), headers=sent).raise_for_status()
        with closing(sqlite3.connect(receiver.db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with (
                grpc.insecure_channel(target(receiver)) as channel,
                pytest.raises(grpc.RpcError) as refused,
            ):
                channel.unary_unary(EXPORT)(spans(1), timeout=60)
            other.execute("ROLLBACK")
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    metadata = dict(refused.value.trailing_metadata())
    assert RetryInfo.FromString(metadata["google.rpc.retryinfo-bin"]).retry_delay.seconds == 1
    status = Status.FromString(metadata["grpc-status-details-bin"])
    assert (status.code, status.message) == (14, refused.value.details())
    (detail,) = status.details
    inner = RetryInfo()
    assert detail.Unpack(inner)
    assert inner.retry_delay.seconds == 1


def test_many_at_once(receiver: Receiver) -> None:
    """More calls than are read at once: each is answered, and each span is there."""
    with grpc.insecure_channel(target(receiver)) as channel:
        call = channel.unary_unary(EXPORT)
        waiting = [call.future(spans(5, 100 + number), timeout=60) for number in range(60)]
        assert [one.result() for one in waiting] == [b""] * 60
    assert {stored(receiver, 100 + number) for number in range(60)} == {5}


def test_port_taken(tmp_path: Path) -> None:
    """A taken gRPC port is one line in the log, and HTTP goes on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("--no-ui", "--grpc-port", str(port))
        with running(tmp_path / "traces.db", arguments) as receiver:
            assert receiver.process.stderr is not None
            line = receiver.process.stderr.readline().decode()
            assert line == (
                f"clustertrace receives no OTLP/gRPC: Port {port} is taken by another program; "
                "choose another one with --grpc-port.\n"
            )
            assert receiver.health()["grpc"] is None


def test_without_the_extra(tmp_path: Path) -> None:
    """Where grpcio is not installed, the log says what to install."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(
        "import sys\nsys.modules['grpc'] = None\n"
    )
    environment = {"PYTHONPATH": str(tmp_path / "hidden")}
    arguments = ("--no-ui", "--grpc-port", "0")
    with running(tmp_path / "traces.db", arguments, **environment) as receiver:
        assert receiver.process.stderr is not None
        line = receiver.process.stderr.readline().decode()
        assert "pip install 'clustertrace[grpc]'" in line
        assert receiver.health()["grpc"] is None


def test_behind_a_proxy_everybody_shows_the_key(tmp_path: Path) -> None:
    """Calls that a proxy passes on come from this machine too."""
    arguments = ("--no-ui", "--grpc-port", "0", "--url", "https://traces.example.com")
    with running(tmp_path / "traces.db", arguments, CLUSTERTRACE_KEY="a-good-key") as started:
        started.until(lambda: started.health()["grpc"] is not None)
        with grpc.insecure_channel(target(started)) as channel:
            call = channel.unary_unary(EXPORT)
            with pytest.raises(grpc.RpcError) as refused:
                call(spans(1), timeout=20)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
            call(spans(1), timeout=20, metadata=[("authorization", "Bearer a-good-key")])
        assert started.health()["spans_stored"] == 1
