"""What a program waits for while it makes spans that ClustertraceSpanExporter drains.

    python benchmarks/bench_exporter.py [SPANS]     (default 10 000)

The program makes its spans as fast as it can, each with six attributes, through the SDK's batch
processor; beside it the same program whose exporter drops everything, in turns, several rounds,
the best of each. What it waits is the time until its last span has ended. Then it drains, and the
figure is the time until all that the processor kept is in the spool. The queue holds all spans, so
that both exporters get each of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

FOLDER = tempfile.TemporaryDirectory()
DATABASE = Path(FOLDER.name) / "traces.db"
os.environ["CLUSTERTRACE_DB"] = str(DATABASE)

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider  # noqa: E402
from opentelemetry.sdk.trace.export import (  # noqa: E402
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from clustertrace.otel import ClustertraceSpanExporter  # noqa: E402 - it reads the environment

ROUNDS = 5
TRACE_SPANS = 20
ATTRIBUTES: dict[str, str | int] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 80,
    "gen_ai.input.messages": '[{"role": "user", "content": "how is the weather in Paris?"}]',
    "gen_ai.output.messages": '[{"role": "assistant", "content": "18 degrees and sunny"}]',
}


class Nowhere(SpanExporter):
    """Takes spans and drops them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Say that all is well."""
        return SpanExportResult.SUCCESS


class Took(NamedTuple):
    """Seconds until the program had made its spans, and until the last one was exported."""

    program: float
    drained: float


def run(exporter: SpanExporter, spans: int) -> Took:
    """Make spans in traces of a root and model calls, then flush."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=spans + 1))
    tracer = provider.get_tracer("bench")
    begin = time.perf_counter()
    for _ in range(spans // TRACE_SPANS):
        with tracer.start_as_current_span("agent"):
            for _ in range(TRACE_SPANS - 1):
                with tracer.start_as_current_span("chat gpt-4o-mini", attributes=ATTRIBUTES):
                    pass
    program = time.perf_counter() - begin
    provider.force_flush()
    drained = time.perf_counter() - begin
    provider.shutdown()
    return Took(program, drained)


def best(rounds: Sequence[Took]) -> Took:
    """The quickest of each, since noise only adds."""
    return Took(min(one.program for one in rounds), min(one.drained for one in rounds))


def exported() -> int:
    """Spans in the spool, of all rounds."""
    folder = DATABASE.with_name(DATABASE.name + ".spool")
    return sum(file.read_bytes().count(b'"type":"span"') for file in folder.iterdir())


def main() -> None:
    """Print the figures."""
    spans = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    exporters: dict[str, Callable[[], SpanExporter]] = {
        "null exporter": Nowhere,
        "clustertrace": ClustertraceSpanExporter,
    }
    took: dict[str, list[Took]] = {name: [] for name in exporters}
    for _ in range(ROUNDS):
        for name, make in exporters.items():
            took[name].append(run(make(), spans))
    floor = best(took["null exporter"]).program
    print(f"{spans} spans through the SDK's batch processor; exported {exported() // ROUNDS}")
    for name, rounds in took.items():
        program, drained = best(rounds)
        print(
            f"{name:<14} the program waits {program * 1e6 / spans:6.1f} µs a span, "
            f"{program / floor:5.2f} of the null exporter's   "
            f"drained after {drained:5.2f} s, {spans / drained:8,.0f} spans/s"
        )


if __name__ == "__main__":
    main()
