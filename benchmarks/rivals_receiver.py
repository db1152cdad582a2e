"""The same OTLP load for our receiver, clustertrace 0.14.3 and Arize Phoenix, each from PyPI.

    python benchmarks/rivals_receiver.py [SPANS]     (default 5 000)

One client sends protobuf bodies of 100 spans to an empty database on loopback and waits for each
answer. Phoenix answers before it has stored anything, so its second figure is the one to compare:
how many spans a second its API can find again. For the others stored is what was answered.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environments import SILENT, environment
from figures import Figure, tell
from otlp_load import BODY_SPANS, bodies, send_all

PATIENCE_SECONDS = 300
SLOW = {"clustertrace 0.14.3": 1_000}
"""Spans of what would take minutes with more."""

COMMANDS: dict[str, tuple[str, ...]] = {
    "clustertrace": ("-m", "clustertrace.ingest", "--no-ui", "--port", "PORT"),
    "clustertrace 0.14.3": (
        "-c",
        "from clustertrace.cli import main; main()",
        *("dashboard", "--port", "PORT"),
    ),
    "Phoenix": ("-m", "phoenix.server.main", "serve"),
}
"""What Python is asked to run; `PORT` stands for the port."""


def free_port() -> int:
    """One that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def serving(name: str, python: Path, folder: Path) -> Iterator[int | None]:
    """A tool's port; None, with a line, if it does not start."""
    port = free_port()
    settings = {
        "HOME": str(folder),
        "CLUSTERTRACE_DB": str(folder / "traces.db"),
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_WORKING_DIR": str(folder),
    }
    log = folder / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(
            [python, *(one.replace("PORT", str(port)) for one in COMMANDS[name])],
            stdout=output,
            stderr=output,
            env={**os.environ, **SILENT, **settings},
            cwd=folder,
        )
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        while server.poll() is None and time.monotonic() < until:
            with socket.socket() as listener:
                if listener.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            print(f"{name} does not start and is left out: {log.read_text()[-200:]}")
            yield None
            return
        yield port
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def stored_by_phoenix(port: int) -> int:
    """How many spans its API finds."""
    asked = json.dumps({"query": "{projects {edges {node {recordCount}}}}"}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", asked, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        edges = json.load(answer)["data"]["projects"]["edges"]
    return sum(edge["node"]["recordCount"] for edge in edges)


def measured(name: str, python: Path, spans: int) -> tuple[float, float] | None:
    """Spans a second that were answered, and that were stored."""
    spans = min(spans, SLOW.get(name, spans))
    with tempfile.TemporaryDirectory() as folder, serving(name, python, Path(folder)) as port:
        if port is None:
            return None
        send_all(port, bodies(1, seed=1))
        requests = bodies(spans // BODY_SPANS)
        begin = time.perf_counter()
        answered = send_all(port, requests).a_second
        if name != "Phoenix":
            return answered, answered
        while stored_by_phoenix(port) < spans + BODY_SPANS:
            if time.perf_counter() - begin > PATIENCE_SECONDS:
                print(f"Phoenix had stored {stored_by_phoenix(port)} spans when we gave up")
                return None
            time.sleep(0.1)
        return answered, spans / (time.perf_counter() - begin)


def main() -> None:
    """Print a row for each."""
    spans = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    ours = 0.0
    print(f"{'spans a second':24} {'answered':>10} {'stored':>10}")
    for name in COMMANDS if len(sys.argv) < 3 else sys.argv[2:]:
        python = Path(sys.executable) if name == "clustertrace" else environment(name)
        found = measured(name, python, spans) if python else None
        if found is None:
            continue
        ours = ours or found[1]
        beside = "" if found[1] == ours else f"   clustertrace stores × {ours / found[1]:.0f}"
        print(f"{name:24} {found[0]:10,.0f} {found[1]:10,.0f}{beside}", flush=True)
        if name == "clustertrace 0.14.3":
            tell(Figure("received 0.14.3", ours / found[1]))


if __name__ == "__main__":
    main()
