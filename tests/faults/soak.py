"""Run a dashboard under mixed load for long: do memory, open files or answers grow?

    python tests/faults/soak.py [--minutes M] [--json]

OTLP from two clients, recorders that come and go, commands and pages that are asked for, all on
one database. Every few seconds memory, open files and the slowest twentieth of the answers are
noted. At the end the last quarter is held against the second: the first is warming up.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parent))
import crash_load as load

MORE_MEMORY: Final = 1.15
MORE_BYTES: Final = 16 << 20
"""Memory may grow by so much and a share of itself: page caches fill as the database grows."""
MORE_FILES: Final = 8
SLOWER: Final = 3.0
PAUSE_SECONDS: Final = 0.05
"""Between requests of a client: a dashboard at work, not at its limit (benchmarks/ has that)."""

PAGES: Final = ("/", "/clusters", "/healthz", "/_stcore/health")
RECORDER: Final = """
import clustertrace, time
@clustertrace.trace
def step(n): return "x" * n
for n in range(200):
    with clustertrace.span("agent", kind="agent"):
        for m in range(5): step(m)
    time.sleep(0.01)
"""


class Load:
    """Clients, until they are told to stop; what they saw."""

    def __init__(self, port: int, db: Path) -> None:
        self._port = port
        self._environment = {**os.environ, "CLUSTERTRACE_DB": str(db)}
        self._stop = threading.Event()
        self.seconds: list[float] = []
        self.wrong: list[str] = []
        self.later = 0
        """Requests that were told to come back, as when a command keeps the database for long."""
        work = (self._send, self._send, self._look, self._record, self._ask)
        self._threads = [threading.Thread(target=self._again, args=(one,)) for one in work]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all clients."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _again(self, work: Callable[[], None]) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                work()
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))

    def _send(self) -> None:
        spans = [span for _ in range(3) for span in load.trace([])]
        body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
        began = time.perf_counter()
        self._request("POST", "/v1/traces", body)
        self.seconds.append(time.perf_counter() - began)

    def _look(self) -> None:
        self._request("GET", random.choice(PAGES))

    def _request(self, method: str, path: str, body: str | None = None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status in (429, 503):
                self.later += 1
            elif answer.status != 200:
                self.wrong.append(f"{method} {path}: {answer.status}")
        finally:
            connection.close()

    def _record(self) -> None:
        self._run(sys.executable, "-c", RECORDER)

    def _ask(self) -> None:
        self._run(sys.executable, "-m", "clustertrace", "stats", "--json")
        self._stop.wait(2)

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode > 1 or "Traceback" in done.stderr:
            self.wrong.append(done.stderr[-300:])


def family(pid: int) -> list[int]:
    """A process and its children."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [pid, *(one for child in path.read_text().split() for one in family(int(child)))]


def held(pids: Sequence[int]) -> tuple[int, int]:
    """Bytes of memory and open files of some processes."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    files = sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE"), files


def soak(minutes: float) -> dict[str, Any]:
    """Serve and load for so long; what was seen."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        db = Path(folder) / "traces.db"
        command = [sys.executable, "-m", "clustertrace.ingest", "--port", "0", "--db", str(db)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        port = int(process.stderr.readline().rpartition(":")[2])
        _until_ready(port)
        clients = Load(port, db)
        samples: list[tuple[int, int, float]] = []
        end = time.monotonic() + minutes * 60
        try:
            while time.monotonic() < end:
                time.sleep(max(0.5, min(5.0, minutes * 60 / 24)))
                seconds, clients.seconds = clients.seconds, []
                slow = statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else 0.0
                samples.append((*held(family(process.pid)), slow))
        finally:
            clients.stop()
            process.terminate()
            errors = process.communicate(timeout=60)[1]
    complaints = [line for line in errors.splitlines() if "try again" not in line]
    return {**_verdict(samples, [*clients.wrong, *complaints]), "told_to_come_back": clients.later}


def _until_ready(port: int) -> None:
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/_stcore/health")
        if connection.getresponse().status == 200:
            connection.close()
            return
        connection.close()
        time.sleep(0.2)


def _verdict(samples: Sequence[tuple[int, int, float]], wrong: list[str]) -> dict[str, Any]:
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]

    def middle(some: Sequence[tuple[int, int, float]], at: int) -> float:
        return statistics.median(one[at] for one in some)

    memory, files, slow = ((middle(early, at), middle(late, at)) for at in range(3))
    grew = [
        name
        for name, is_so in (
            ("memory", memory[1] > memory[0] * MORE_MEMORY + MORE_BYTES),
            ("files", files[1] > files[0] + MORE_FILES),
            ("latency", slow[1] > max(slow[0], 0.01) * SLOWER),
        )
        if is_so
    ]
    return {
        "samples": len(samples),
        "memory_mib": [round(one / (1 << 20)) for one in memory],
        "files": [round(one) for one in files],
        "p95_ms": [round(one * 1000, 1) for one in slow],
        "grew": grew,
        "wrong": wrong[:10],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak; 1 when something grew or went wrong."""
    parser = argparse.ArgumentParser(description="A dashboard under mixed load, for long.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    load.prepare()
    result = soak(options.minutes)
    print(json.dumps(result, indent=None if options.json else 2))
    return int(bool(result["grew"] or result["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
