"""Spans a second that the receiver acknowledges, next to what bare SQLite takes of the same rows.

    python benchmarks/bench_receiver.py [SPANS]     (default 30 000)

One client on loopback sends OTLP/protobuf bodies of 100 spans (ten traces, ten attributes a span)
to a receiver process with an empty database, and waits for each answer. Acknowledged means
committed; the last figure also waits until every trace is settled and every text indexed. The
floor is `executemany` of the same rows, 100 a transaction, into one table without an index.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from clustertrace.conventions.otlp import decode_protobuf
from clustertrace.store import Store, queries
from clustertrace.store.rows import span_row

BODY_SPANS = 100
TRACE_SPANS = 10
PATIENCE_SECONDS = 300


def body(rng: random.Random) -> bytes:
    """One request: ten traces of a root agent, model calls and tools."""
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    attribute(of_resource.resource, "service.name", "bench")
    scope = of_resource.scope_spans.add()
    scope.scope.name = "bench"
    for _ in range(BODY_SPANS // TRACE_SPANS):
        trace_id, root_id = rng.randbytes(16), rng.randbytes(8)
        start = 1_760_000_000 * 10**9 + rng.randrange(86_400) * 10**9
        for at in range(TRACE_SPANS):
            span = scope.spans.add()
            span.trace_id = trace_id
            span.span_id = rng.randbytes(8) if at else root_id
            span.parent_span_id = root_id if at else b""
            span.start_time_unix_nano = start + at * 10**6
            span.end_time_unix_nano = start + (at + 1) * 10**6
            describe(span, at, rng)
    return request.SerializeToString()


def describe(span: object, at: int, rng: random.Random) -> None:
    """Ten attributes as OpenTelemetry's GenAI instrumentors set them."""
    if at == 0:
        operation, span.name = "invoke_agent", "invoke_agent helper"  # type: ignore[attr-defined]
    elif at % 2:
        operation, span.name = "chat", "chat gpt-4o-mini"  # type: ignore[attr-defined]
    else:
        tool = rng.choice(["search", "fetch", "calculate"])
        operation, span.name = "execute_tool", f"execute_tool {tool}"  # type: ignore[attr-defined]
    said = " ".join(rng.choices(WORDS, k=20))
    for key, value in (
        ("gen_ai.operation.name", operation),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-4o-mini"),
        ("gen_ai.response.id", f"r-{rng.getrandbits(32):x}"),
        ("gen_ai.usage.input_tokens", rng.randrange(2000)),
        ("gen_ai.usage.output_tokens", rng.randrange(200)),
        ("gen_ai.request.temperature", 0.2),
        ("server.port", 443),
        ("gen_ai.input.messages", json.dumps([{"role": "user", "content": said}])),
        ("gen_ai.output.messages", json.dumps([{"role": "assistant", "content": said[::-1]}])),
    ):
        attribute(span, key, value)


def attribute(holder: object, key: str, value: str | int | float) -> None:
    """Set one attribute."""
    pair = holder.attributes.add()  # type: ignore[attr-defined]
    pair.key = key
    kind = {str: "string_value", int: "int_value", float: "double_value"}[type(value)]
    setattr(pair.value, kind, value)


WORDS = Path(__file__).read_text().split()


def floor(bodies: list[bytes], folder: Path) -> float:
    """Rows a second of bare SQLite, the decoding not counted."""
    batches = [
        [span_row(span, None) for span in decode_protobuf(one).batch.spans] for one in bodies
    ]
    conn = sqlite3.connect(folder / "floor.db", isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = NORMAL")
    width = len(batches[0][0])
    conn.execute(f"CREATE TABLE spans ({', '.join(f'c{n}' for n in range(width))})")
    begin = time.perf_counter()
    for batch in batches:
        conn.execute("BEGIN")
        conn.executemany(f"INSERT INTO spans VALUES ({', '.join('?' * width)})", batch)
        conn.execute("COMMIT")
    took = time.perf_counter() - begin
    conn.close()
    return len(bodies) * BODY_SPANS / took


def receive(bodies: list[bytes], folder: Path) -> tuple[float, float, int]:
    """Spans a second acknowledged, and until all is settled and indexed; peak memory in MiB."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    db = folder / "received.db"
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "clustertrace.ingest", "--no-ui"),
            *("--port", str(port), "--db", str(db)),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        client = http.client.HTTPConnection("127.0.0.1", port)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not send(client, bodies[0]):
            if time.monotonic() > deadline:
                raise SystemExit("the receiver does not answer")
            time.sleep(0.05)
        begin = time.perf_counter()
        for one in bodies[1:]:
            if not send(client, one):
                raise SystemExit("the receiver refused a request")
        acknowledged = time.perf_counter() - begin
        with Store.open(db) as store:
            while not all_done(store, len(bodies) * BODY_SPANS):
                time.sleep(0.05)
        finished = time.perf_counter() - begin
        peak = peak_memory(server.pid)
    finally:
        server.terminate()
        server.wait()
    sent = (len(bodies) - 1) * BODY_SPANS
    return sent / acknowledged, sent / finished, peak


def send(client: http.client.HTTPConnection, one: bytes) -> bool:
    """Send a body and read the answer; whether it was good."""
    try:
        client.request("POST", "/v1/traces", one, {"Content-Type": "application/x-protobuf"})
        answer = client.getresponse()
        answer.read()
    except OSError:
        client.close()
        return False
    return answer.status == 200


def all_done(store: Store, spans: int) -> bool:
    """Whether everything is in the totals and in the text index."""
    with store.read() as conn:
        seen = queries.overview(conn).spans
        return seen == spans and queries.search(conn, "bench", limit=1).behind == 0


def peak_memory(pid: int) -> int:
    """The most memory that a process has had, MiB; 0 where the system doesn't say."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def main() -> None:
    """Print the figures."""
    spans = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    rng = random.Random(0)
    bodies = [body(rng) for _ in range(spans // BODY_SPANS + 1)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = floor(bodies, folder)
        acknowledged, finished, peak = receive(bodies, folder)
        size = sum(file.stat().st_size for file in folder.glob("received.db*"))
    print(f"{spans} spans in bodies of {BODY_SPANS}, {len(bodies[0]) // BODY_SPANS} bytes a span")
    print(f"bare SQLite           {bare:10,.0f} rows/s")
    print(
        f"acknowledged          {acknowledged:10,.0f} spans/s   {acknowledged / bare:.2f} of bare"
    )
    print(f"settled and indexed   {finished:10,.0f} spans/s")
    print(f"receiver's memory     {peak:10,d} MiB at most")
    print(f"on disk               {size / spans:10,.0f} bytes a span")


if __name__ == "__main__":
    main()
