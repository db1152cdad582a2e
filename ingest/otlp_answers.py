"""Answers of OTLP: over HTTP each in the encoding of its request, and what gRPC needs of them.

https://opentelemetry.io/docs/specs/otlp/
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

__all__ = ["JSON", "PROTOBUF", "accepted", "accepted_message", "failure", "retry_info", "status"]

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
_RETRY_TYPE: Final = b"type.googleapis.com/google.rpc.RetryInfo"


def accepted(signal: str, media: str, rejected: Sequence[str]) -> Response:
    """All of a signal (`traces`, `logs`, `metrics`) was stored, or all but what was rejected."""
    if media == PROTOBUF:
        return Response(accepted_message(signal, rejected), media_type=media)
    if not rejected:
        return Response(b"{}", media_type=media)
    # A 64-bit integer is a string in protobuf's JSON.
    part = {_ANSWERS[signal][2]: str(len(rejected)), "errorMessage": _reasons_sentence(rejected)}
    return Response(orjson.dumps({"partialSuccess": part}), media_type=media)


def accepted_message(signal: str, rejected: Sequence[str]) -> bytes:
    """The same as the signal's Export…ServiceResponse; no bytes if all was stored."""
    if not rejected:
        return b""
    answer_type, field, _ = _ANSWERS[signal]
    answer = answer_type()
    setattr(answer.partial_success, field, len(rejected))
    answer.partial_success.error_message = _reasons_sentence(rejected)
    message: bytes = answer.SerializeToString()
    return message


def _reasons_sentence(rejected: Sequence[str]) -> str:
    """The commonest reasons, and how many more there are."""
    reasons = [
        why if count == 1 else f"{why} ({count} times)" for why, count in Counter(rejected).items()
    ]
    told = "; ".join(reasons[:_REASONS_TOLD])
    more = len(reasons) - _REASONS_TOLD
    return f"{told}; and {more} more" if more > 0 else told


def failure(media: str, http_status: int, message: str) -> Response:
    """Nothing was stored: a google.rpc.Status, with Retry-After where trying again helps."""
    code = _GRPC_CODES.get(http_status, 2)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if http_status in (429, 503) else {}
    if media == PROTOBUF:
        return Response(status(code, message), http_status, headers, PROTOBUF)
    body = orjson.dumps({"code": code, "message": message})
    return Response(body, http_status, headers, JSON)


def status(code: int, message: str, detail: bytes = b"") -> bytes:
    """A google.rpc.Status, which is in no package that we need; `detail` is of `retry_info`."""
    encoded = b"\x08" + _varint(code) + _field(2, message.encode())
    if detail:
        encoded += _field(3, _field(1, _RETRY_TYPE) + _field(2, detail))
    return encoded


def retry_info() -> bytes:
    """A google.rpc.RetryInfo: when to try again."""
    return _field(1, b"\x08" + _varint(RETRY_AFTER_SECONDS))


def _field(number: int, content: bytes) -> bytes:
    """A field of bytes, text or a message, as protobuf writes it."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Protobuf's variable-length integer."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
