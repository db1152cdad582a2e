"""OTLP responses: over HTTP in the encoding of the request, and the parts that gRPC needs.

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
"""By signal: the response message, and its field for the rejected count in both encodings."""

_GRPC_CODES: Final = {400: 3, 413: 3, 415: 3, 405: 12, 429: 8, 503: 14}
"""HTTP status → google.rpc.Code: invalid argument, unimplemented, exhausted, unavailable."""

RETRY_AFTER_SECONDS: Final = 1
_MAX_REASONS: Final = 3
_RETRY_TYPE: Final = b"type.googleapis.com/google.rpc.RetryInfo"


def accepted(signal: str, media: str, rejected: Sequence[str]) -> Response:
    """The response that all of a signal was stored, except what was rejected."""
    if media == PROTOBUF:
        return Response(accepted_message(signal, rejected), media_type=media)
    if not rejected:
        return Response(b"{}", media_type=media)
    # A 64-bit integer is a string in protobuf's JSON.
    partial_success = {
        _ANSWERS[signal][2]: str(len(rejected)),
        "errorMessage": _reasons_sentence(rejected),
    }
    return Response(orjson.dumps({"partialSuccess": partial_success}), media_type=media)


def accepted_message(signal: str, rejected: Sequence[str]) -> bytes:
    """The same as the signal's Export…ServiceResponse; empty if all was stored."""
    if not rejected:
        return b""
    answer_type, field, _ = _ANSWERS[signal]
    answer = answer_type()
    setattr(answer.partial_success, field, len(rejected))
    answer.partial_success.error_message = _reasons_sentence(rejected)
    message: bytes = answer.SerializeToString()
    return message


def _reasons_sentence(rejected: Sequence[str]) -> str:
    """The first few reasons, and how many more there are."""
    reasons = [
        reason if count == 1 else f"{reason} ({count} times)"
        for reason, count in Counter(rejected).items()
    ]
    listed = "; ".join(reasons[:_MAX_REASONS])
    left_out = len(reasons) - _MAX_REASONS
    return f"{listed}; and {left_out} more" if left_out > 0 else listed


def failure(media: str, http_status: int, message: str) -> Response:
    """The response that nothing was stored: a google.rpc.Status, with Retry-After if that helps."""
    code = _GRPC_CODES.get(http_status, 2)
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if http_status in (429, 503) else {}
    if media == PROTOBUF:
        return Response(status(code, message), http_status, headers, PROTOBUF)
    body = orjson.dumps({"code": code, "message": message})
    return Response(body, http_status, headers, JSON)


def status(code: int, message: str, detail: bytes = b"") -> bytes:
    """An encoded google.rpc.Status, to avoid another dependency; `detail` is from `retry_info`."""
    encoded = b"\x08" + _varint(code) + _field(2, message.encode())
    if detail:
        encoded += _field(3, _field(1, _RETRY_TYPE) + _field(2, detail))
    return encoded


def retry_info() -> bytes:
    """An encoded google.rpc.RetryInfo: when to try again."""
    return _field(1, b"\x08" + _varint(RETRY_AFTER_SECONDS))


def _field(number: int, content: bytes) -> bytes:
    """An encoded protobuf field of bytes, text or a message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Protobuf's variable-length integer."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
