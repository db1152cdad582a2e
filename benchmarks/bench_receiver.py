"""Spans a second that the receiver acknowledges, next to what bare SQLite takes of the same rows.

    python benchmarks/bench_receiver.py [SPANS [DATABASE]]     (default 30 000, an empty database)

Clients on loopback send OTLP bodies of 100 spans (ten traces, ten attributes a span) to a receiver
process, and wait for each answer: one and eight clients, protobuf and JSON, in turns. Acknowledged
means committed; the last figure also waits until every trace is settled and every text indexed,
and how long another program that writes meanwhile has to wait is measured after the last turn.
One floor is `executemany` of the same rows, 100 a transaction, into one table without an index;
the other is what an HTTP server of the same kind answers that only reads its requests. With a
DATABASE, which gets the spans too, it is measured on a database that holds something already.
"""

from __future__ import annotations

import platform
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from figures import Figure, tell
from otlp_load import BODY_SPANS, Load, as_json, bodies, send_all

from clustertrace.conventions.otlp.traces import decode_protobuf
from clustertrace.model import Batch, Span
from clustertrace.store import Store, queries
from clustertrace.store.rows import span_row

PATIENCE_SECONDS = 600
LARGE_BYTES = 12 << 20
"""Of a body that is nearly as large as the receiver takes it, in protobuf or in JSON."""
KINDS = {"protobuf": "application/x-protobuf", "JSON": "application/json"}

ECHO = """
import sys, uvicorn
async def app(scope, receive, send):
    while scope["type"] == "http" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})
uvicorn.run(app, port=int(sys.argv[1]), log_level="critical", lifespan="off")
"""


def floor(requests: list[bytes], folder: Path) -> float:
    """Rows a second of bare SQLite, the decoding not counted."""
    batches = [
        [span_row(span, None) for span in decode_protobuf(one).batch.spans] for one in requests
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
    return len(requests) * BODY_SPANS / took


@contextmanager
def serving(*command: str) -> Iterator[tuple[int, int]]:
    """A server's port, and its process id; `PORT` in the command stands for the port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, *(one.replace("PORT", str(port)) for one in command)],
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while not listens(port):
            if server.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{command} does not answer")
            time.sleep(0.05)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait()


def listens(port: int) -> bool:
    """Whether anything does."""
    with socket.socket() as listener:
        return listener.connect_ex(("127.0.0.1", port)) == 0


def all_done(store: Store, spans: int) -> bool:
    """Whether everything is in the totals and in the text index."""
    with store.read() as conn:
        return settled_spans(store) == spans and not queries.search(conn, "bench", limit=1).behind


def peak_memory(pid: int) -> int:
    """The most memory that a process has had, MiB; 0 where the system doesn't say."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


class Received(NamedTuple):
    """What a receiver did."""

    loads: dict[str, Load]
    """Of each way of sending."""
    settled: float
    """Spans a second, until all of them are in the totals and in the text index."""
    longest_wait: float
    """Seconds that a writer beside it waited, while it settled and indexed."""
    memory: dict[str, int]
    """The most memory that it had so far, MiB, after each kind of load."""


def receive(spans: int, db: Path) -> Received:
    """What each way of sending came to; spans a second until all is settled; peak memory."""
    found: dict[str, Load] = {}
    memory: dict[str, int] = {}
    with Store.open(db) as store, store.read() as conn:
        before = queries.overview(conn).spans
    with serving("-m", "clustertrace.ingest", "--no-ui", "--port", "PORT", "--db", str(db)) as (
        port,
        pid,
    ):
        with Store.open(db) as store:
            ways = [(clients, kind) for clients in (1, 8) for kind in KINDS]
            sent = 0
            for turn, (clients, kind) in enumerate(ways):
                requests = bodies(spans // BODY_SPANS, seed=before + turn + 1)
                if kind == "JSON":
                    requests = [as_json(one) for one in requests]
                began = time.perf_counter()
                found[f"{kind}, {clients} client{'s' * (clients > 1)}"] = send_all(
                    port, requests, clients=clients, kind=KINDS[kind]
                )
                sent += len(requests) * BODY_SPANS
                if turn == len(ways) - 1:
                    written, longest_wait = write_beside(store, before + sent)
                    sent += written
                while not all_done(store, before + sent):
                    time.sleep(0.05)
                if not turn:
                    settled = len(requests) * BODY_SPANS / (time.perf_counter() - began)
        memory[f"in bodies of {BODY_SPANS}"] = peak_memory(pid)
        for kind in KINDS:
            requests = [large(kind, seed=before - number) for number in range(1, 5)]
            send_all(port, requests, clients=4, kind=KINDS[kind])
            memory[f"{LARGE_BYTES >> 20} MiB of {kind}"] = peak_memory(pid)
        return Received(found, settled, longest_wait, memory)


def write_beside(store: Store, spans: int) -> tuple[int, float]:
    """Write runs of one span until `spans` are settled; how many, and the longest wait, seconds."""
    longest, written = 0.0, 0
    while settled_spans(store) < spans:
        written += 1
        id_ = secrets.token_hex(16)
        run = Batch([Span(id_, id_[:16], None, "bench", "chain", "ok", 1, 2)], [])
        began = time.perf_counter()
        store.write(run)
        longest = max(longest, time.perf_counter() - began)
        time.sleep(0.05)
    return written, longest


def settled_spans(store: Store) -> int:
    """Those that are in the totals."""
    with store.read() as conn:
        return queries.overview(conn).spans


def large(kind: str, seed: int) -> bytes:
    """One request of about `LARGE_BYTES`."""
    (request,) = bodies(1, seed)
    size = len(as_json(request)) if kind == "JSON" else len(request)
    # Requests in protobuf, one after the other, are one request.
    joined = b"".join(bodies(LARGE_BYTES // size, seed))
    return as_json(joined) if kind == "JSON" else joined


def echoed(spans: int) -> float:
    """Spans a second through a server that only reads."""
    requests = bodies(spans // BODY_SPANS)
    with serving("-c", ECHO, "PORT") as (port, _):
        return send_all(port, requests).a_second


def main() -> None:
    """Print the figures."""
    spans = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        db = Path(sys.argv[2]) if len(sys.argv) > 2 else folder / "received.db"
        requests = bodies(spans // BODY_SPANS)
        bare = floor(requests, folder)
        echo = echoed(spans)
        received = receive(spans, db)
        size = sum(file.stat().st_size for file in db.parent.glob(f"{db.name}*"))
        with Store.open(db) as store, store.read() as conn:
            stored = queries.overview(conn).spans
    print(f"Python {platform.python_version()}; {spans} spans a row in bodies "
          f"of {BODY_SPANS}, {len(requests[0]) // BODY_SPANS} bytes a span")  # fmt: skip
    print(f"{'bare SQLite':22}{bare:10,.0f} rows/s")
    print(f"{'a server that reads':22}{echo:10,.0f} spans/s")
    for way, load in received.loads.items():
        print(
            f"{way:22}{load.a_second:10,.0f} spans/s   {load.a_second / bare:.2f} of bare SQLite"
            f"   p50 {load.median_ms:.0f} ms  p99 {load.p99_ms:.0f} ms"
            + (f"   {load.refused} refused for now" if load.refused else "")
        )
    print(f"{'settled and indexed':22}{received.settled:10,.0f} spans/s   (protobuf, 1 client)")
    wait_ms = received.longest_wait * 1000
    print(f"{'a writer beside that':22}{wait_ms:10,.0f} ms at most")
    for load_kind, peak in received.memory.items():
        print(f"{'memory so far':22}{peak:10,d} MiB   ({load_kind})")
    print(f"{'on disk':22}{size / stored:10,.0f} bytes a span, with its payload")
    one = received.loads["protobuf, 1 client"].a_second
    tell(
        Figure("received", one, bare, "bare SQLite", f"{spans:,} spans"),
        Figure("received floor", one / bare),
        Figure("behind wait", wait_ms),
        *(
            Figure("memory", peak, of=kind)
            for kind, peak in received.memory.items()
            if "MiB" in kind
        ),
    )


if __name__ == "__main__":
    main()
