"""Answers of OTLP/HTTP, each in the encoding of its request.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import Response

__all__ = ["JSON", "PROTOBUF", "accepted", "failure"]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_ANSWERS: Final[dict[str, tuple[Any, str, str]]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points", "rejectedDataPoints"),
}
"""By signal: the message of an answer, and its count of what was rejected, in both encodings."""

_GRPC_CODES: Final = {400: 3, 413: 3, 415: 3, 405: 12, 429: 8, 503: 14}
"""HTTP status → google.rpc.Code: invalid argument, unimplemented, exhausted, unavailable."""

RETRY_AFTER_SECONDS: Final = 1
_REASONS_TOLD: Final = 3


def accepted(signal: str, media: str, rejected: Sequence[str]) -> Response:
    """All of a signal (`traces`, `logs`, `metrics`) was stored, or all but what was rejected."""
    if not rejected:
        return Response(b"" if media == PROTOBUF else b"{}", media_type=media)
    reasons = [
        why if count == 1 else f"{why} ({count} times)" for why, count in Counter(rejected).items()
    ]
    told = "; ".join(reasons[:_REASONS_TOLD])
    more = len(reasons) - _REASONS_TOLD
    message = f"{told}; and {more} more" if more > 0 else told
    answer_type, field, json_field = _ANSWERS[signal]
    if media == PROTOBUF:
        answer = answer_type()
        setattr(answer.partial_success, field, len(rejected))
        answer.partial_success.error_message = message
        return Response(answer.SerializeToString(), media_type=media)
    # A 64-bit integer is a string in protobuf's JSON.
    part = {json_field: str(len(rejected)), "errorMessage": message}
    return Response(orjson.dumps({"partialSuccess": part}), media_type=media)


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
