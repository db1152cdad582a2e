"""The exporter: OpenTelemetry spans reach the database without a server, as by the receiver."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from clustertrace.conventions.otlp.traces import decode_protobuf
from clustertrace.otel import ClustertraceSpanExporter
from clustertrace.store import Store, queries
from clustertrace.store.rows import span_of_row
from clustertrace.store.writing.intake import policy

LIMIT = 32768
CONVERSATION = [{"role": "user", "content": "Röst mig! " * 900} for _ in range(40)]
"""Ten times as long as what is kept of it."""


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    """A provider with a resource, shut down at the end."""
    made = TracerProvider(resource=Resource({"service.name": "shop", "n": [1, 2]}))
    yield made
    made.shutdown()


def speak(provider: TracerProvider) -> None:
    """Make one trace of everything that a span can carry."""
    tracer = provider.get_tracer("my.scope", "1.2", attributes={"part": "a"})
    attributes = {
        "session.id": "s1",
        "evaluations.0.evaluation.name": "tone",
        "evaluations.0.evaluation.score": 0.7,
    }
    with tracer.start_as_current_span("agent", attributes=attributes) as root:
        linked = Link(SpanContext(1, 2, is_remote=True), {"why": "x"})
        with tracer.start_as_current_span(
            "chat m",
            kind=SpanKind.CLIENT,
            links=[linked],
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": "gpt-4o-mini",
                "gen_ai.usage.input_tokens": 82,
                "gen_ai.usage.output_tokens": 17,
                "gen_ai.input.messages": json.dumps(CONVERSATION),
                "odd": (1.5, 2.5),
                "nan": float("nan"),
            },
        ):
            root.add_event("thought", {"deep": True})
        with tracer.start_as_current_span("more than a span holds") as crowded:
            crowded.set_attributes({f"key {number}": number for number in range(130)})
        try:
            with tracer.start_as_current_span(
                "execute_tool pay",
                attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "pay"},
            ):
                raise TimeoutError("too slow")
        except TimeoutError:
            root.set_status(Status(StatusCode.ERROR, "gave up"))


def test_spans_are_those_that_the_receiver_would_have_stored(
    provider: TracerProvider, store: Store
) -> None:
    """Kinds, tokens, errors, events, links, resource, scope and scores are the same either way."""
    memory = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.add_span_processor(SimpleSpanProcessor(ClustertraceSpanExporter()))
    speak(provider)
    spans: tuple[ReadableSpan, ...] = memory.get_finished_spans()
    expected = decode_protobuf(encode_spans(spans).SerializeToString())
    lines = [line for path in store.spool.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert LIMIT < max(map(len, lines)) < 6 * LIMIT
    store.refresh()
    with store.read() as conn:
        (trace,) = queries.export(conn)
    by_id = {span.span_id: span for span in trace.spans}
    for sent in expected.batch.spans:
        row = policy().row(sent, None)
        span = span_of_row((*row[:2], *row[3:21], *row[22:]))
        stored = by_id[span.span_id]
        added = {"clustertrace.cost_source"}
        kept = {key: value for key, value in stored.attributes.items() if key not in added}
        assert stored._replace(attributes={}, cost_usd=None) == span._replace(attributes={})
        assert kept == span.attributes
    assert (trace.session_id, trace.tags, trace.status) == ("s1", {"service": "shop"}, "error")
    assert [(one.name, one.value) for one in trace.metrics] == [("tone", 0.7)]
    assert trace.metrics == tuple(one for fact in expected.batch.facts for one in fact.metrics)


@pytest.mark.parametrize(("capture", "reason"), [("full", "no source"), ("metadata", None)])
def test_a_root_span_says_how_its_run_went(
    capture: str,
    reason: str | None,
    provider: TracerProvider,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it can to the receiver; why is content, and kept only where that is."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", capture)
    attributes = {
        "clustertrace.outcome": "fail",
        "clustertrace.outcome_reason": "no source",
        "clustertrace.tag.tier": "gold",
    }
    provider.add_span_processor(SimpleSpanProcessor(ClustertraceSpanExporter()))
    provider.get_tracer("my").start_span("agent", attributes=attributes).end()
    store.refresh()
    with store.read() as conn:
        [trace] = queries.export(conn)
        assert queries.overview(conn).failed == 1
    assert (trace.outcome, trace.outcome_reason, trace.tags["tier"]) == ("fail", reason, "gold")


def test_ten_thousand_spans_are_drained(provider: TracerProvider, store: Store) -> None:
    """Behind a batch processor every span arrives once."""
    provider.add_span_processor(
        BatchSpanProcessor(ClustertraceSpanExporter(), max_queue_size=20_000)
    )
    tracer = provider.get_tracer("many")
    with tracer.start_as_current_span("root"):
        for _ in range(10_000):
            tracer.start_span("step").end()
    assert provider.force_flush()
    store.refresh()
    with store.read() as conn:
        assert queries.overview(conn).spans == 10_001


def test_what_was_exported_survives_a_kill(store: Store, tmp_path: Path) -> None:
    """SIGKILL right after the last span loses none."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, signal\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from clustertrace.otel import ClustertraceSpanExporter\n"
        "provider = TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(ClustertraceSpanExporter()))\n"
        "tracer = provider.get_tracer('t')\n"
        "for _ in range(100): tracer.start_span('step').end()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, str(program)], check=False, timeout=60)
    assert done.returncode == -9
    store.refresh()
    with store.read() as conn:
        assert queries.overview(conn).spans == 100


def test_secrets_and_content_stay_out_of_the_spool(
    provider: TracerProvider, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are cut before a line is written; with metadata only, content is not written."""
    secret = "sk-ant-api03-" + "a1B2" * 12
    provider.add_span_processor(SimpleSpanProcessor(ClustertraceSpanExporter()))
    tracer = provider.get_tracer("t")
    tracer.start_span("a", attributes={"input.value": f"use {secret}"}).end()
    assert secret not in "".join(path.read_text() for path in store.spool.glob("*.jsonl"))
    from clustertrace.record.config import config

    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")
    config.cache_clear()
    tracer.start_span("b", attributes={"input.value": "confidential"}).end()
    assert "confidential" not in "".join(path.read_text() for path in store.spool.glob("*.jsonl"))


def test_a_full_disk_is_told_and_not_raised(
    provider: TracerProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be written the export fails by its result, and the program goes on."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLUSTERTRACE_DB", str(tmp_path / "file" / "t.db"))
    memory = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    provider.get_tracer("t").start_span("a").end()
    exporter = ClustertraceSpanExporter()
    assert exporter.export(memory.get_finished_spans()) is SpanExportResult.FAILURE
    assert not exporter.force_flush(100)


def test_disabled_exports_nothing(
    provider: TracerProvider, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CLUSTERTRACE_DISABLED holds for the exporter too."""
    monkeypatch.setenv("CLUSTERTRACE_DISABLED", "1")
    provider.add_span_processor(SimpleSpanProcessor(ClustertraceSpanExporter()))
    provider.get_tracer("t").start_span("a").end()
    assert not store.spool.exists()
