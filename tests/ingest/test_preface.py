"""HTTP/2 on the HTTP port, from raw bytes and from the real gRPC exporter."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from clustertrace.ingest.preface import PREFACE

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n"


def conversation(port: int, parts: Sequence[bytes]) -> bytes:
    """What comes back when these bytes are sent one after the other."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in parts:
            connection.sendall(part)
        answer = b""
        while some := connection.recv(65536):
            answer += some
    return answer


@pytest.mark.parametrize(
    "parts",
    [
        [PREFACE],
        [PREFACE + b"\0\0\0\x04\0\0\0\0\0"],
        [PREFACE[:1], PREFACE[1:20], PREFACE[20:]],
    ],
)
def test_http2_is_told_what_to_set(shared_receiver: Any, parts: list[bytes]) -> None:
    """Whole or in pieces, the preface is answered in HTTP/1.1 with what to do."""
    answer = conversation(shared_receiver.port, parts)
    assert answer.startswith(b"HTTP/1.1 505 ")
    assert b"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in answer


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("method", [b"GET", b"P", b"PRI", b"POST"])
def test_other_beginnings_are_http(shared_receiver: Any, method: bytes, size: int) -> None:
    """Whatever only begins like the preface is read as before, in pieces of any size."""
    request = HEALTH.replace(b"GET", method) % shared_receiver.port
    answer = conversation(
        shared_receiver.port, [request[at : at + size] for at in range(0, len(request), size)]
    )
    assert answer.startswith(b"HTTP/1.1 200 " if method == b"GET" else b"HTTP/1.1 405 ")


def test_the_real_exporter(start_receiver: Callable[..., Any]) -> None:
    """It fails as it must; the log says once what to set, and other connections go on."""
    with start_receiver() as receiver:
        receiver.health()
        span = TracerProvider().get_tracer("tests").start_span("lost")
        span.end()
        for _ in range(2):
            exporter = OTLPSpanExporter(endpoint=receiver.url, insecure=True, timeout=2)
            assert exporter.export([span]) is SpanExportResult.FAILURE  # type: ignore[list-item]
            exporter.shutdown()
        assert receiver.health()["status"] == "ok"
        receiver.process.terminate()
        _, errors = receiver.process.communicate(timeout=30)
    (line,) = errors.decode().splitlines()
    assert line == (
        "clustertrace: A gRPC client connected to the HTTP port. Set "
        "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf where it runs, or start the dashboard with "
        "--grpc-port 4317 and send gRPC there."
    )
