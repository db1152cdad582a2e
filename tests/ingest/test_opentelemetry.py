"""The real OpenTelemetry SDK and its exporter against a real receiver, and real requests."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import get_current_span


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_a_traced_program_shows_up_whole(shared_receiver: Any, compression: Compression) -> None:
    """A traced program shows up, with its error, its parents and its service."""
    exporter = OTLPSpanExporter(shared_receiver.url + "/v1/traces", compression=compression)
    name = f"shop-{compression.value}"
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")

    @tracer.start_as_current_span("execute_tool lookup")
    def lookup(city: str) -> None:
        span = get_current_span()
        span.set_attribute("gen_ai.operation.name", "execute_tool")
        span.set_attribute("gen_ai.tool.call.arguments", json.dumps({"city": city}))
        raise ValueError("no such city")

    with suppress(ValueError), tracer.start_as_current_span("plan a trip"):
        lookup("Atlantis")
    provider.shutdown()

    (trace,) = [one for one in shared_receiver.traces() if one.tags.get("service") == name]
    root, tool = trace.spans
    assert (trace.name, trace.status, trace.failed) == ("plan a trip", "error", True)
    assert (tool.kind, tool.parent_span_id) == ("tool", root.span_id)
    assert tool.input == {"city": "Atlantis"}
    assert (tool.error_type, tool.error_message) == ("ValueError", "no such city")
    assert "Traceback" in tool.attributes["exception.stacktrace"]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_log_exporter(shared_receiver: Any, compression: Compression) -> None:
    """What a program logs inside a span is found on that span; its events are its content."""
    name = f"logs-{compression.value}"
    resource = Resource.create({"service.name": name})
    spans, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    exporter = OTLPSpanExporter(shared_receiver.url + "/v1/traces")
    spans.add_span_processor(BatchSpanProcessor(exporter))
    log_exporter = OTLPLogExporter(shared_receiver.url + "/v1/logs", compression=compression)
    logs.add_log_record_processor(BatchLogRecordProcessor(log_exporter))
    logger = logs.get_logger("tests")
    with spans.get_tracer("tests").start_as_current_span("chat m") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        details = {
            "gen_ai.output.messages": [{"role": "assistant", "parts": [{"content": name}]}],
            "gen_ai.usage.input_tokens": 7,
        }
        event = "gen_ai.client.inference.operation.details"
        logger.emit(LogRecord(event_name=event, attributes=details))
        text = "the cache is cold"
        logger.emit(LogRecord(body=text, severity_number=SeverityNumber.WARN))
    logs.shutdown()
    spans.shutdown()

    (trace,) = [one for one in shared_receiver.traces() if one.tags.get("service") == name]
    (call,) = trace.spans
    assert call.output == details["gen_ai.output.messages"]
    assert call.input_tokens == 7
    (event,) = call.attributes["events"]
    assert (event["body"], event["attributes"]) == (text, {"severity": "warn"})


def test_requests_that_real_programs_sent_are_all_taken(shared_receiver: Any, shared: Path) -> None:
    """Requests that real programs sent are all taken, in the encoding that they came in."""
    for file in sorted((shared / "otlp_samples").glob("*.traces*")):
        media = "json" if ".json" in file.name else "x-protobuf"
        headers = {"Content-Type": f"application/{media}"}
        if file.suffix == ".gz":
            headers["Content-Encoding"] = "gzip"
        answer = shared_receiver.http.post("/v1/traces", content=file.read_bytes(), headers=headers)
        assert answer.status_code == 200, file.name
        assert answer.content == (b"{}" if media == "json" else b""), file.name
