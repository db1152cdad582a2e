"""Which signal a protobuf request carries, without anything that says so."""

from __future__ import annotations

from pathlib import Path

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clustertrace.conventions.otlp.signal_kinds import signal_of_protobuf


def test_requests_of_real_programs_are_told_apart_by_signal(shared: Path) -> None:
    """Requests of real programs are what their names say."""
    samples = sorted((shared / "otlp_samples").glob("*.pb"))
    assert len(samples) > 40
    for sample in samples:
        assert f".{signal_of_protobuf(sample.read_bytes())}" in sample.name


def test_items_without_times() -> None:
    """A record without a stamp, a metric without a point and a span that never began show too."""
    logs = ExportLogsServiceRequest()
    record = logs.resource_logs.add().scope_logs.add().log_records.add(flags=1, trace_id=b"t" * 16)
    record.body.string_value = "hello"
    assert signal_of_protobuf(logs.SerializeToString()) == "logs"
    metrics = ExportMetricsServiceRequest()
    several = metrics.resource_metrics.add().scope_metrics.add().metrics
    several.add(name="calls", unit="1")
    several.add(name="tokens").gauge.data_points.add().as_int = 4
    assert signal_of_protobuf(metrics.SerializeToString()) == "metrics"
    traces = ExportTraceServiceRequest()
    span = traces.resource_spans.add().scope_spans.add().spans.add(name="find")
    span.trace_id, span.span_id = b"t" * 16, b"s" * 8
    assert signal_of_protobuf(traces.SerializeToString()) == "traces"


def test_what_is_no_request() -> None:
    """Anything else counts as traces, whose decoder then says what is wrong."""
    for body in (b"", b"# Samples of OTLP", b"\n\xff", b"\n\x00", b"\n\x04\x12\x02\x12\x00"):
        assert signal_of_protobuf(body) == "traces"
