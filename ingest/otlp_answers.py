"""Answers of OTLP/HTTP, each in the encoding of its request.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import Response

__all__ = ["JSON", "PROTOBUF", "accepted", "failure", "not_stored"]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_GRPC_CODES: Final = {400: 3, 413: 3, 415: 3, 405: 12, 429: 8, 503: 14}
"""HTTP status → google.rpc.Code: invalid argument, unimplemented, exhausted, unavailable."""

RETRY_AFTER_SECONDS: Final = 1
_REASONS_TOLD: Final = 3


def accepted(media: str, rejected: Sequence[str]) -> Response:
    """All spans were stored, or all but the rejected ones."""
    if not rejected:
        return Response(b"" if media == PROTOBUF else b"{}", media_type=media)
    told = "; ".join(rejected[:_REASONS_TOLD])
    more = len(rejected) - _REASONS_TOLD
    message = f"{told}; and {more} more" if more > 0 else told
    if media == PROTOBUF:
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = len(rejected)
        answer.partial_success.error_message = message
        return Response(answer.SerializeToString(), media_type=media)
    # A 64-bit integer is a string in protobuf's JSON.
    part = {"rejectedSpans": str(len(rejected)), "errorMessage": message}
    return Response(orjson.dumps({"partialSuccess": part}), media_type=media)


def not_stored(media: str, signal: str) -> Response:
    """A signal that is understood but not kept: the sender is told, and need not retry."""
    message = f"clustertrace does not store {signal} yet; send traces to /v1/traces."
    if media == JSON:
        return Response(
            orjson.dumps({"partialSuccess": {"errorMessage": message}}), media_type=media
        )
    kind = ExportLogsServiceResponse if signal == "logs" else ExportMetricsServiceResponse
    answer = kind()
    answer.partial_success.error_message = message
    return Response(answer.SerializeToString(), media_type=media)


def failure(media: str, status: int, message: str) -> Response:
    """Nothing was stored: a google.rpc.Status, with Retry-After where trying again helps."""
    code = _GRPC_CODES.get(status, 2)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status in (429, 503) else {}
    if media != PROTOBUF:
        body = orjson.dumps({"code": code, "message": message})
        return Response(body, status, headers, JSON)
    text = message.encode()
    body = b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text
    return Response(body, status, headers, PROTOBUF)


def _varint(number: int) -> bytes:
    """Protobuf's variable-length integer; google.rpc.Status itself is in no package we need."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
