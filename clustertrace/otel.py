"""An exporter that writes OpenTelemetry spans straight into the spool: no server has to run.

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from clustertrace.otel import ClustertraceSpanExporter

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ClustertraceSpanExporter()))

A span goes through the same conventions as over OTLP and becomes one line of this process's
spool, so what has been exported survives `kill -9`. Needs the user's own opentelemetry-sdk.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode

from clustertrace.content import bare
from clustertrace.conventions.otlp.traces import received
from clustertrace.conventions.raw import DROPPED, ERROR, Event, Origin, RawSpan, origin, times
from clustertrace.errors import BadInput
from clustertrace.model import Span, TraceFacts
from clustertrace.record.active import emit
from clustertrace.record.clipping import clipped_span
from clustertrace.record.config import config
from clustertrace.record.notices import notice
from clustertrace.record.rebuilding import READ
from clustertrace.record.spans import flush
from clustertrace.record.spool import spool
from clustertrace.wire import metric_to_dict, span_to_dict

__all__ = ["ClustertraceSpanExporter"]

_AS_THEY_ARE = frozenset({str, int, bool})
_STATUS = {StatusCode.UNSET: 0, StatusCode.OK: 1, StatusCode.ERROR: ERROR}


class ClustertraceSpanExporter(SpanExporter):
    """Exports the spans of any TracerProvider to clustertrace's database.

    CLUSTERTRACE_DB and CLUSTERTRACE_ENDPOINT say where they go. Never raises: what can't
    be recorded is logged once.
    """

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write the spans, one line each; all are safe when this returns."""
        if config().disabled:
            return SpanExportResult.SUCCESS
        lost = spool.dropped
        try:
            origins = _Origins()
            found = received(_raw(span, origins) for span in spans)
            for fact in found.batch.facts:
                _write(_json(_fact_record(fact)))
            for span in found.batch.spans:
                _write(_span_line(span))
        except Exception as error:
            notice(f"clustertrace could not record OpenTelemetry spans ({error!r}).")
            return SpanExportResult.FAILURE
        for reason in found.rejected:
            notice(f"clustertrace could not record an OpenTelemetry {reason}.")
        return SpanExportResult.FAILURE if spool.dropped > lost else SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Say whether everything exported is safe, after waiting at most this many milliseconds."""
        return flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Do nothing: no span is held back."""


def _write(line: str) -> None:
    emit(line + "\n", line)


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), default=str)


def _span_line(span: Span) -> str:
    """The span without content that must not, or could not, be stored."""
    settings = config()
    if settings.metadata_only:
        return _json(_span_record(bare(span)))
    line, most = _json(_span_record(span)), READ * settings.payload_bytes
    return line if len(line) <= most else _json(_span_record(clipped_span(span, most)))


def _span_record(span: Span) -> dict[str, Any]:
    return {"type": "span", "trace_id": span.trace_id, **span_to_dict(span)}


def _fact_record(fact: TraceFacts) -> dict[str, Any]:
    record = {
        "session_id": fact.session_id,
        "tags": dict(fact.tags) or None,
        "outcome": fact.outcome,
        "outcome_reason": None if config().metadata_only else fact.outcome_reason,
        "metrics": [metric_to_dict(metric) for metric in fact.metrics] or None,
    }
    known = {key: value for key, value in record.items() if value is not None}
    return {"type": "trace", "trace_id": fact.trace_id, **known}


class _Origins:
    """What resources and scopes say, read once for all spans of an export."""

    def __init__(self) -> None:
        self._read: dict[tuple[int, int], Origin] = {}

    def of(self, span: ReadableSpan) -> Origin:
        """The origin of a span, which must live as long as this: it is told by `id`s."""
        key = (id(span.resource), id(span.instrumentation_scope))
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = _origin(span)
        return found


def _raw(span: ReadableSpan, origins: _Origins) -> RawSpan | str:
    """The span as it would arrive over OTLP, or why it can't be used."""
    context, parent = span.get_span_context(), span.parent
    if context is None or not context.is_valid:
        return f"span {span.name!r}: it has no valid ids"
    try:
        start, end = times(span.start_time or 0, span.end_time or 0)
    except BadInput as error:
        return f"span {span.name!r}: {error}"
    return RawSpan(
        f"{context.trace_id:032x}",
        f"{context.span_id:016x}",
        None if parent is None else f"{parent.span_id:016x}",
        span.name,
        start,
        end,
        _STATUS[span.status.status_code],
        span.status.description or "",
        _attributes(span.attributes),
        [Event(e.name, e.timestamp, _attributes(e.attributes)) for e in span.events],
        _about(span),
        origins.of(span),
    )


def _about(span: ReadableSpan) -> dict[str, Any]:
    about: dict[str, Any] = {}
    if span.kind is not SpanKind.INTERNAL:
        about["otel.kind"] = span.kind.name.lower()
    context = span.get_span_context()
    if context is not None and context.trace_state:
        about["otel.trace_state"] = context.trace_state.to_header()
    if span.dropped_attributes:
        about[DROPPED] = span.dropped_attributes
    if span.links:
        about["links"] = [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                **({"attributes": _attributes(link.attributes)} if link.attributes else {}),
            }
            for link in span.links
        ]
    return about


def _origin(span: ReadableSpan) -> Origin:
    scope = span.instrumentation_scope
    return origin(
        _attributes(span.resource.attributes),
        scope.name if scope else "",
        (scope.version or "") if scope else "",
        _attributes(scope.attributes) if scope else {},
    )


def _attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: _plain(value) for key, value in (attributes or {}).items()}


def _plain(value: Any) -> Any:
    """An attribute's value as the receiver would have read it from the wire."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
