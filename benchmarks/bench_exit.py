"""How long a program takes from its start to its end: untraced, traced, and while recording fails.

    python benchmarks/bench_exit.py [ROUNDS]     (default 15)

A program of 100 calls runs in turns as it is, with `import clustertrace` only, and traced: into a
database, into a place where none can be, and towards receivers that take everything, refuse to
connect, and take the connection and never answer. The medians of whole processes are set against
the untraced one; the last column is the longest.
"""

from __future__ import annotations

import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROGRAM = """
{first}
def step(n): return n
for n in range(100): step(n)
"""
TRACED = PROGRAM.format(first="import clustertrace").replace("def", "@clustertrace.trace\ndef")
PROGRAMS = {
    "untraced": PROGRAM.format(first=""),
    "imported": PROGRAM.format(first="import clustertrace"),
    "traced": TRACED,
}


class Taking(BaseHTTPRequestHandler):
    """Answers every post with 200."""

    def do_POST(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def taking() -> Iterator[int]:
    """The port of a server that takes everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as server:
        yield server.getsockname()[1]


def closed() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def wall(program: str, settings: dict[str, str]) -> float:
    """Milliseconds of one process in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = {"CLUSTERTRACE_DB": f"{folder}/traces.db", "HOME": folder}
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **place, **settings},
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return (time.perf_counter() - began) * 1e3


def main() -> None:
    """Measure in turns, and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with ExitStack() as stack:
        ports = {
            "a receiver that takes all": stack.enter_context(taking()),
            "a receiver that is not there": closed(),
            "a receiver that never answers": stack.enter_context(silent()),
        }
        ways = {
            "untraced": ("untraced", {}),
            "imported only": ("imported", {}),
            "traced": ("traced", {}),
            "traced, no place for a file": ("traced", {"CLUSTERTRACE_DB": "/dev/null/traces.db"}),
        } | {
            f"traced, {name}": ("traced", {"CLUSTERTRACE_ENDPOINT": f"http://127.0.0.1:{port}"})
            for name, port in ports.items()
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, (program, settings) in ways.items():
                took[name].append(wall(PROGRAMS[program], settings))
    bare = statistics.median(took["untraced"])
    print(f"{rounds} rounds, Python {platform.python_version()}, {platform.system()}")
    for name, times in took.items():
        middle = statistics.median(times)
        print(f"{name:40}{middle:8.0f} ms {middle - bare:+8.0f} ms {max(times):8.0f} ms")


if __name__ == "__main__":
    main()
