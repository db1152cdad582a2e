"""How long one waits before anything happens: the import, commands, the dashboard's port.

    python benchmarks/bench_startup.py [ROUNDS]     (default 15)

Programs run in turns with a bare `python -c pass`; medians count, and what is over the bare one.
The port is asked every few milliseconds from when `clustertrace dashboard` is typed, on a
database with the demo's runs.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from clustertrace.exchange.bundle import load_bundle
from clustertrace.store import Store

COMMAND = str(Path(sys.executable).with_name("clustertrace"))
PROGRAMS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import clustertrace": [sys.executable, "-c", "import clustertrace"],
    "clustertrace --help": [COMMAND, "--help"],
    "clustertrace stats": [COMMAND, "stats"],
    "clustertrace rules": [COMMAND, "rules"],
}


def wall_ms(command: list[str]) -> float:
    """How long a program takes."""
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begin) * 1e3


def answers(path: str) -> tuple[float, float]:
    """Milliseconds until the dashboard's port answers, and until its first page is served."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begin = time.perf_counter()
    dashboard = subprocess.Popen(
        [COMMAND, "dashboard", "--port", str(port), "--no-browser", "--db", path],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        took = []
        for address in ("/healthz", "/_stcore/health"):
            while not good(f"http://127.0.0.1:{port}{address}"):
                time.sleep(0.005)
            took.append((time.perf_counter() - begin) * 1e3)
        return took[0], took[1]
    finally:
        dashboard.send_signal(signal.SIGINT)
        dashboard.wait()


def good(url: str) -> bool:
    """Whether an address answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def main() -> None:
    """Print a row for each."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    took: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "demo.db")
        os.environ |= {"CLUSTERTRACE_DB": path, "HOME": folder}
        with Store.open(path) as store:
            load_bundle(store, time.time_ns())
            store.refresh()
        for _ in range(rounds):
            for name, command in PROGRAMS.items():
                took[name].append(wall_ms(command))
        starts = [answers(path) for _ in range(max(3, rounds // 5))]
    bare = statistics.median(took["python -c pass"])
    for name, one in took.items():
        median = statistics.median(one)
        print(f"{name:28} {median:8.0f} ms   {median - bare:6.0f} over bare Python")
    for at, what in enumerate(("the port answers", "the pages answer")):
        print(f"{what:28} {statistics.median(one[at] for one in starts):8.0f} ms")


if __name__ == "__main__":
    main()
