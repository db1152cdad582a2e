"""How long one waits before anything happens: the import, commands, the dashboard's port.

    python benchmarks/bench_startup.py [ROUNDS]     (default 15)

Programs run in turns with a bare `python -c pass`; medians count, and what is over the bare one, as
wall time and as CPU time, which others on the machine disturb less.
The port is asked every few milliseconds from when `clustertrace dashboard` is typed, on a
database with the demo's runs. All of it is compiled before, as in an installed package.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from figures import Figure, tell

from clustertrace.exchange.bundle import load_bundle
from clustertrace.store import Store

COMMAND = str(Path(sys.executable).with_name("clustertrace"))
TRACED = [sys.executable, "-c", "import clustertrace; clustertrace.trace(print)()"]
PROGRAMS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import clustertrace": [sys.executable, "-c", "import clustertrace"],
    "clustertrace --help": [COMMAND, "--help"],
    "clustertrace stats": [COMMAND, "stats"],
    "clustertrace rules": [COMMAND, "rules"],
    # What it records is news for the next one.
    "import, and one traced call": TRACED,
    "stats, with a run to take in": [COMMAND, "stats"],
}

PROGRAM_OF = {
    "import": "import clustertrace",
    "first call": "import, and one traced call",
    "help": "clustertrace --help",
    "stats": "clustertrace stats",
}


class Took(NamedTuple):
    """What a program takes, milliseconds."""

    wall: float
    cpu: float


def took_by(command: list[str]) -> Took:
    """How long a program runs, and how much of a processor it uses."""
    begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(wall * 1e3, cpu * 1e3)


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
    took: dict[str, list[Took]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "demo.db")
        os.environ |= {"CLUSTERTRACE_DB": path, "HOME": folder, "PYTHONPYCACHEPREFIX": folder}
        # Where it is set, each program would compile what it imports.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        with Store.open(path) as store:
            load_bundle(store, time.time_ns())
            store.refresh()
        for command in PROGRAMS.values():
            took_by(command)
        answers(path)
        for _ in range(rounds):
            for name, command in PROGRAMS.items():
                took[name].append(took_by(command))
        starts = [answers(path) for _ in range(max(3, rounds // 5))]
    middle = {
        name: Took(*(statistics.median(column) for column in zip(*runs, strict=True)))
        for name, runs in took.items()
    }
    bare = middle["python -c pass"]
    for name, seconds in middle.items():
        print(f"{name:28} {seconds.wall:8.0f} ms   {seconds.wall - bare.wall:6.0f} over bare Python"
              f"   {seconds.cpu:6.0f} ms of CPU   {seconds.cpu - bare.cpu:6.0f} over")  # fmt: skip
    port, pages = (statistics.median(one[at] for one in starts) for at in (0, 1))
    print(f"{'the port answers':28} {port:8.0f} ms")
    print(f"{'the pages answer':28} {pages:8.0f} ms")
    tell(
        *(
            Figure(key, one.wall - bare.wall, of=_cpu(one.cpu - bare.cpu))
            for key in ("import", "first call")
            if (one := middle[PROGRAM_OF[key]])
        ),
        *(
            Figure(key, one.wall, bare.wall, "bare Python", _cpu(one.cpu))
            for key in ("help", "stats")
            if (one := middle[PROGRAM_OF[key]])
        ),
        Figure("port", port, bare.wall, "bare Python"),
    )


def _cpu(milliseconds: float) -> str:
    return f"CPU {milliseconds:.0f} ms"


if __name__ == "__main__":
    main()
