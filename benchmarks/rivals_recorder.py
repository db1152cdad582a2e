"""What a traced call costs the program that it is in, beside other tools, each from PyPI.

    python benchmarks/rivals_recorder.py [CALLS]     (default 5 000)

Every tool traces the same function by its own decorator, or the nearest thing that it has, under
one root, in a process and an environment of its own (`build/rivals`, made on the first run). All
send to a server on loopback that takes everything, or write where they do by default. A process
warms up, then times five rounds; the best counts, and the longest single call of all of them. The
turns of the processes alternate twice, so that a busy moment hits no tool alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from environments import RIVALS, SILENT, environment, null_server
from figures import Figure, tell

TURNS = 2

HEAD = """
import json, os, sys, time
calls, url, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
"""

TAIL = """
def once():
    took = []
    def inside():
        for _ in range(calls):
            began = time.perf_counter_ns()
            look_up("weather in Paris", 3)
            took.append(time.perf_counter_ns() - began)
    root(inside)
    return took
look_up("weather in Paris", 3)
rounds = [once() for _ in range(5)]
took = sorted(ns for one in rounds for ns in one)
print("FOUND", json.dumps({
    "mean": min(sum(one) for one in rounds) / calls / 1e3,
    "p99": took[int(len(took) * 0.99)] / 1e3,
    "longest": took[-1] / 1e3,
}), flush=True)
os._exit(0)
"""

FUNCTION = """
def look_up(query: str, limit: int) -> str:
    return query
def root(inside):
    inside()
"""

PROGRAMS = {
    "bare function": FUNCTION,
    "clustertrace": """
os.environ["CLUSTERTRACE_DB"] = folder + "/traces.db"
import clustertrace
"""
    + FUNCTION
    + """
look_up = clustertrace.trace(kind="tool")(look_up)
root = clustertrace.trace(root)
""",
    "OpenTelemetry": """
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url + "/v1/traces")))
tracer = provider.get_tracer("bench")
def look_up(query: str, limit: int) -> str:
    with tracer.start_as_current_span("look_up") as span:
        span.set_attribute("input.value", json.dumps({"query": query, "limit": limit}))
        span.set_attribute("output.value", query)
        return query
def root(inside):
    with tracer.start_as_current_span("root"):
        inside()
""",
    "clustertrace 0.14.3": """
os.environ["CLUSTERTRACE_DB"] = folder + "/traces.db"
import clustertrace
"""
    + FUNCTION
    + """
look_up = clustertrace.trace(look_up)
root = clustertrace.trace(root)
""",
    "Langfuse": """
from langfuse import Langfuse, observe
Langfuse(public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url=url)
"""
    + FUNCTION
    + """
look_up = observe()(look_up)
root = observe()(root)
""",
    "Logfire": """
import logfire
logfire.configure(
    token="bench", service_name="bench", console=False, data_dir=folder,
    advanced=logfire.AdvancedOptions(base_url=url),
)
"""
    + FUNCTION
    + """
look_up = logfire.instrument(extract_args=True, record_return=True)(look_up)
root = logfire.instrument(extract_args=False)(root)
""",
    "MLflow": """
import mlflow
mlflow.set_tracking_uri("sqlite:///" + folder + "/mlflow.db")
"""
    + FUNCTION
    + """
look_up = mlflow.trace(look_up)
root = mlflow.trace(root)
""",
}
"""By tool: what defines `look_up` and `root`."""

SLOW = {"clustertrace 0.14.3": 200, "MLflow": 1_000}
"""Calls of tools with which more would take minutes."""


class Found(NamedTuple):
    """Microseconds."""

    mean: float
    p99: float
    longest: float


def measured(name: str, python: Path, calls: int, url: str) -> Found | None:
    """Run one tool's program; None, with a line, if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(HEAD + PROGRAMS[name] + TAIL)
        done = subprocess.run(
            [python, program, str(min(calls, SLOW.get(name, calls))), url, folder],
            capture_output=True,
            text=True,
            env={**os.environ, **SILENT, "HOME": folder},
            cwd=folder,
            check=False,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    if not lines:
        print(f"{name} failed and is left out: {done.stderr.strip().splitlines()[-1:]}")
        return None
    return Found(**json.loads(lines[0].removeprefix("FOUND ")))


def main() -> None:
    """Print a row for each tool."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    pythons = {
        name: environment(name) if name in RIVALS else Path(sys.executable) for name in PROGRAMS
    }
    found: dict[str, Found] = {}
    with null_server() as url:
        for _ in range(TURNS):
            for name, python in pythons.items():
                timing = measured(name, python, calls, url) if python else None
                if timing is not None:
                    found[name] = min(timing, found.get(name, timing))
    ours = found["clustertrace"].mean - found["bare function"].mean
    print(f"{'a traced call':24} {'mean µs':>10} {'p99':>10} {'longest':>10}   beside clustertrace")
    for name, timing in found.items():
        times = (timing.mean - found["bare function"].mean) / ours
        cells = f"{timing.mean:10.1f} {timing.p99:10.1f} {timing.longest:10.0f}"
        print(f"{name:24} {cells}   × {times:.1f}")
    before = found.get("clustertrace 0.14.3")
    if before is not None:
        tell(Figure("call 0.14.3", ours / (before.mean - found["bare function"].mean)))


if __name__ == "__main__":
    main()
