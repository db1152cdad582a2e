"""What the hook costs a session of Claude Code, and what it leaves in memory.

    python benchmarks/bench_hook.py [ROUNDS]     (default 20)

Each way to ask for the receiver runs in turns with a bare `python -I -S -c pass`, the least that a
hook in Python can cost; the medians count, as wall time and as ratios. Then the memory of the
receiver that was left behind, before and after a turn of spans (Linux).
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clustertrace.claude_code.hook import command
from clustertrace.cli.supervisor import Address, health

SPANS = 50


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = folder
        os.environ.pop("CLUSTERTRACE_DB", None)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        hook = ["sh", "-c", command(sys.executable, port, 15, None)]
        first = wall(hook)
        address = Address("localhost", port)
        while (answer := health(address)) is None:
            time.sleep(0.05)
        try:
            measure(hook, port, first, rounds)
            memory(int(answer["pid"]), port)
        finally:
            os.kill(int(answer["pid"]), signal.SIGTERM)
            while health(address):
                time.sleep(0.05)


def measure(hook: list[str], port: int, first: float, rounds: int) -> None:
    """Print what each way takes where the receiver runs already."""
    ways = {
        "bare python -I -S": [sys.executable, "-I", "-S", "-c", "pass"],
        "the hook": hook,
        "clustertrace ensure-dashboard": [
            *(sys.executable, "-m", "clustertrace", "ensure-dashboard", "--port", str(port)),
        ],
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, words in ways.items():
            took[name].append(wall(words))
    bare = statistics.median(took["bare python -I -S"])
    for name, times in took.items():
        middle = statistics.median(times)
        print(f"{name:<32}{middle * 1e3:7.0f} ms   {middle / bare:5.1f} × bare")
    print(
        f"{'the hook, starting the receiver':<32}{first * 1e3:7.0f} ms   {first / bare:5.1f} × bare"
    )


def wall(words: list[str]) -> float:
    """How long a command takes, seconds."""
    began = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def memory(process: int, port: int) -> None:
    """Print what the receiver holds, idle and after a turn's spans."""
    print(f"{'the receiver, idle':<32}{resident(process):7.0f} MiB")
    spans = [
        {
            "traceId": f"{1:032x}",
            "spanId": f"{number:016x}",
            "parentSpanId": f"{1:016x}" if number > 1 else "",
            "name": "chat",
            "startTimeUnixNano": str(time.time_ns()),
            "endTimeUnixNano": str(time.time_ns()),
            "attributes": [
                {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                {"key": "gen_ai.request.model", "value": {"stringValue": "claude-sonnet-4-5"}},
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
            ],
        }
        for number in range(1, SPANS + 1)
    ]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    connection = http.client.HTTPConnection("localhost", port)
    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()
    print(f"{f'after {SPANS} model calls':<32}{resident(process):7.0f} MiB")


def resident(process: int) -> float:
    """A process's memory, MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
