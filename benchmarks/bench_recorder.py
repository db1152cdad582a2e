"""What a traced call costs the program that it is in, beside OpenTelemetry's SDK, in one run.

    python benchmarks/bench_recorder.py [CALLS]     (default 20 000)

All variants run the same function with the same arguments under a root span, in turns, several
rounds; the best round counts, since noise only adds. OpenTelemetry exports to nothing through a
batch processor, with the arguments as two attributes. Next to it the floor: one bare `os.write` of
a line as long as a recorded one.

Then single calls are timed one by one, for their 99th percentile and the longest: nested, with
arguments of a kilobyte and of 30, from four threads at once, and while another process takes the
spans in and settles them, as a receiver does.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = tempfile.TemporaryDirectory()
os.environ["CLUSTERTRACE_DB"] = str(Path(FOLDER.name) / "traces.db")

from figures import Figure, tell  # noqa: E402

import clustertrace  # noqa: E402 - it reads the environment above

ROUNDS = 5
THREADS = 4
TAKER = """
from clustertrace.store import Store
with Store.open() as store:
    print("ready", flush=True)
    while True:
        store.refresh()
"""
QUERY = "weather in Paris"


def look_up(query: str, limit: int) -> str:
    """Do nothing, like the functions around a tool."""
    return query


traced = clustertrace.trace(kind="tool")(look_up)


def ours(calls: int) -> None:
    """Call the traced function under one root."""
    with clustertrace.span("root"):
        for _ in range(calls):
            traced(QUERY, 3)


def roots(calls: int) -> None:
    """Call it with no span around: each call is a trace of its own."""
    for _ in range(calls):
        traced(QUERY, 3)


def coroutines(calls: int) -> None:
    """Await a traced coroutine under one root."""

    @clustertrace.trace(kind="tool")
    async def look(query: str, limit: int) -> str:
        return query

    async def run() -> None:
        async with clustertrace.span("root"):
            for _ in range(calls):
                await look(QUERY, 3)

    asyncio.run(run())


def bare(calls: int) -> None:
    """Call the function itself."""
    for _ in range(calls):
        look_up(QUERY, 3)


def writes() -> Callable[[int], None]:
    """Write a line of a recorded span's length, and do nothing else."""
    fd = os.open(Path(FOLDER.name) / "floor", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    line = b"x" * 340

    def run(calls: int) -> None:
        for _ in range(calls):
            os.write(fd, line)

    return run


def opentelemetry() -> Callable[[int], None] | None:
    """Record the same call as an OpenTelemetry span, batched and exported to nothing."""
    try:
        from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
        from opentelemetry.sdk.trace.export import (
            BatchSpanProcessor,
            SpanExporter,
            SpanExportResult,
        )
    except ImportError:
        print("opentelemetry-sdk is not installed: its row is left out")
        return None

    class Nowhere(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    tracer = provider.get_tracer("bench")
    assert ReadableSpan

    def run(calls: int) -> None:
        with tracer.start_as_current_span("root"):
            for _ in range(calls):
                with tracer.start_as_current_span("look_up") as span:
                    span.set_attribute("input.value", '{"query": "weather in Paris", "limit": 3}')
                    span.set_attribute("output.value", look_up(QUERY, 3))

    return run


def timed(run: Callable[[int], None], calls: int) -> float:
    """Microseconds a call."""
    begin = time.perf_counter()
    run(calls)
    return (time.perf_counter() - begin) / calls * 1e6


def single(calls: int, query: str = QUERY) -> list[float]:
    """Microseconds of each of so many calls under one root."""
    took = []
    with clustertrace.span("root"):
        for _ in range(calls):
            begin = time.perf_counter_ns()
            traced(query, 3)
            took.append((time.perf_counter_ns() - begin) / 1000)
    return took


def from_threads(calls: int) -> list[float]:
    """The same from four threads at once, which share one lock of the interpreter."""
    with ThreadPoolExecutor(THREADS) as pool:
        parts = list(pool.map(single, [calls // THREADS] * THREADS))
    return [took for part in parts for took in part]


def taken_in(calls: int) -> list[float]:
    """The same while another process reads the spool and settles what is in it."""
    with subprocess.Popen(
        [sys.executable, "-c", TAKER], stdout=subprocess.PIPE, text=True
    ) as taker:
        assert taker.stdout is not None
        taker.stdout.readline()
        try:
            return single(calls)
        finally:
            taker.terminate()


def tail(took: list[float]) -> tuple[float, float, float]:
    """Median, 99th percentile and maximum."""
    took = sorted(took)
    return statistics.median(took), took[int(len(took) * 0.99)], took[-1]


def main() -> None:
    """Print the table."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    rows: dict[str, Callable[[int], None] | None] = {
        "bare call": bare,
        "one os.write": writes(),
        "clustertrace, nested": ours,
        "clustertrace, async": coroutines,
        "clustertrace, roots": roots,
        "OpenTelemetry, null batch export": opentelemetry(),
    }
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for name, run in rows.items():
            if run is not None:
                best[name] = min(best.get(name, 1e9), timed(run, calls))
    rival = best.get("OpenTelemetry, null batch export")
    for name, took in best.items():
        ratio = f"   {took / rival:.2f} of OpenTelemetry" if rival else ""
        print(f"{name:<34} {took:8.2f} µs a call{ratio}")
    tails = {
        "nested": tail(single(calls)),
        "arguments of 1 kB": tail(single(calls, QUERY * 64)),
        "arguments of 30 kB": tail(single(calls // 10, QUERY * 1_900)),
        f"{THREADS} threads": tail(from_threads(calls)),
        "taken in meanwhile": tail(taken_in(calls)),
    }
    print(f"{'single calls':<34} {'p50':>8} {'p99':>8} {'longest':>9} µs")
    for name, (median, p99, longest) in tails.items():
        print(f"{name:<34} {median:8.1f} {p99:8.1f} {longest:9.0f}")
    _, p99, _ = tails["nested"]
    write = best["one os.write"]
    found = [Figure("call p99", p99, write, "one os.write")]
    if rival:
        share = best["clustertrace, nested"] / rival
        found.insert(0, Figure("call", share, write / rival, "one os.write"))
    tell(*found)


if __name__ == "__main__":
    main()
