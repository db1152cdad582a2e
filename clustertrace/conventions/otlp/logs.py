"""An OTLP log request, in either encoding → records, and what becomes of them.

Pure, as clustertrace.conventions.otlp.traces is for spans: the two encodings of one request give
the same. https://opentelemetry.io/docs/specs/otel/logs/data-model/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from clustertrace.conventions.otlp import json_walk, protobuf_values
from clustertrace.conventions.otlp.json_values import (
    attributes_of,
    span_id_of,
    text_of,
    trace_id_of,
    value_of,
    whole,
)
from clustertrace.conventions.otlp.log_homes import place_log
from clustertrace.conventions.otlp.traces import Received
from clustertrace.conventions.otlp.walk import Kind, scopes
from clustertrace.conventions.raw import origin
from clustertrace.errors import BadInput
from clustertrace.model import Batch, Log, TraceFacts
from clustertrace.wire import MAX_NS

__all__ = ["RawLog", "logs_of_json", "logs_of_protobuf"]

_SEVERITIES: Final = ("", "trace", "debug", "info", "warn", "error", "fatal")
_NAME: Final = "event.name"
_LOGS: Final = Kind(
    ExportLogsServiceRequest, LogRecord, "resource_logs", "scope_logs", "log_records"
)
_LOGS_IN_JSON: Final = json_walk.Kind("log", "resourceLogs", "scopeLogs", "logRecords")


class RawLog(NamedTuple):
    """A record as OTLP carries it. Ids in lower-case hex or None, time in ns since 1970."""

    trace_id: str | None
    span_id: str | None
    time_ns: int
    name: str
    """The record's event name; empty where it has none."""
    scope: str
    body: Any
    attributes: dict[str, Any]
    shared: Mapping[str, Any]
    """What its resource and its scope say (clustertrace.conventions.raw.origin)."""


def logs_of_json(body: bytes | bytearray, size: int) -> Iterator[Received]:
    """Decode application/json, at most `size` records at a time.

    Raises BadInput when the body is no log request.
    """
    return _slices(_read_json(body), size)


def logs_of_protobuf(body: bytes | bytearray, size: int) -> Iterator[Received]:
    """Decode application/x-protobuf, at most `size` records at a time.

    Raises BadInput when the body is no log request.
    """
    return _slices(_read_protobuf(body), size)


def _slices(raws: Iterator[RawLog | str], size: int) -> Iterator[Received]:
    while chunk := list(islice(raws, size)):
        rejected: list[str] = []
        left_out: list[str] = []
        logs: list[Log] = []
        facts_by_trace: dict[str, TraceFacts] = {}
        scores: list[TraceFacts] = []
        for raw in chunk:
            if isinstance(raw, str):
                rejected.append(raw)
                continue
            place = place_log(raw)
            if isinstance(place, str):
                left_out.append(place)
                continue
            logs.append(place.log._replace(ordinal=len(logs)))
            if place.run is not None:
                facts_by_trace[place.run.trace_id] = place.run
            if place.score is not None:
                scores.append(place.score)
        yield Received(
            Batch([], [*facts_by_trace.values(), *scores], None, logs), rejected, left_out
        )


def _read_json(body: bytes | bytearray) -> Iterator[RawLog | str]:
    scopes_found = json_walk.scopes(body, _LOGS_IN_JSON)
    del body
    for resource, scope, records in scopes_found:
        name = text_of(scope.get("name"))
        shared = origin(
            attributes_of(resource.get("attributes")),
            name,
            text_of(scope.get("version")),
            attributes_of(scope.get("attributes")),
        ).attributes
        for record in records:
            if not isinstance(record, dict):
                yield "a log record: it is not a JSON object"
                continue
            try:
                yield _record_of_json(record, name, shared)
            except BadInput as error:
                yield f"log record {record.get('eventName')!r}: {error}"
            except RecursionError:
                yield "log record: its attributes are nested too deeply"


def _record_of_json(record: Mapping[str, Any], scope: str, shared: Mapping[str, Any]) -> RawLog:
    get = record.get
    trace_id, span_id = get("traceId"), get("spanId")
    return _raw_log(
        trace_id_of(trace_id) if _has_id(trace_id) else None,
        span_id_of(span_id, "span id") if _has_id(span_id) else None,
        whole(get("timeUnixNano")) or whole(get("observedTimeUnixNano")),
        text_of(get("eventName")),
        get("severityNumber"),
        value_of(get("body")),
        attributes_of(get("attributes")),
        scope,
        shared,
    )


def _has_id(written: Any) -> bool:
    return bool(written.strip("0")) if isinstance(written, str) else written is not None


def _read_protobuf(body: bytes | bytearray) -> Iterator[RawLog | str]:
    read_attributes = protobuf_values.attributes_of
    for of_resource, of_scope, items in scopes(body, _LOGS):
        resource, scope = (
            read_attributes(of_resource.attributes),
            read_attributes(of_scope.attributes),
        )
        shared = origin(resource, of_scope.name, of_scope.version, scope).attributes
        for record in items:
            if record is None:
                yield "a log record: it can't be decoded"
                continue
            try:
                yield _record_of_protobuf(record, of_scope.name, shared)
            except BadInput as error:
                yield f"log record {record.event_name!r}: {error}"


def _record_of_protobuf(record: Any, scope: str, shared: Mapping[str, Any]) -> RawLog:
    trace_id, span_id = record.trace_id, record.span_id
    if len(trace_id) not in (0, 16):
        raise BadInput("its trace id is not 16 bytes")
    if len(span_id) not in (0, 8):
        raise BadInput("its span id is not 8 bytes")
    return _raw_log(
        trace_id.hex() if any(trace_id) else None,
        span_id.hex() if any(span_id) else None,
        record.time_unix_nano or record.observed_time_unix_nano,
        record.event_name,
        record.severity_number,
        protobuf_values.value_of(record.body),
        protobuf_values.attributes_of(record.attributes),
        scope,
        shared,
    )


def _raw_log(
    trace_id: str | None,
    span_id: str | None,
    time_ns: int,
    name: str,
    severity: Any,
    body: Any,
    attributes: dict[str, Any],
    scope: str,
    shared: Mapping[str, Any],
) -> RawLog:
    if not 0 <= time_ns <= MAX_NS:
        raise BadInput(f"its time is not in nanoseconds since 1970: {time_ns}")
    # Codex names a record after its source line, and the event in an attribute.
    event_name = attributes.get(_NAME)
    if isinstance(severity, int) and 1 <= severity <= 24:
        attributes.setdefault("severity", _SEVERITIES[(severity + 3) // 4])
    return RawLog(
        trace_id,
        span_id,
        max(1, time_ns),  # 0 is a time that nobody knows
        event_name if isinstance(event_name, str) and event_name else name,
        scope,
        body,
        attributes,
        shared,
    )
