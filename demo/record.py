"""Record the demo's sixty runs again: `python -m clustertrace.demo.record [FILE]`.

The agents run against the public API as any user's would; what they record goes through the
spool and a database of its own, and comes out with `clustertrace export`. Times and ids come
from the simulation, so that the file is the same, byte for byte, whoever makes it.
"""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import orjson

import clustertrace
from clustertrace import testing
from clustertrace.demo.cases.visit import AGENTS, Turn
from clustertrace.demo.docs_assistant import IndexUnavailable
from clustertrace.demo.model import Message, ScriptedModel
from clustertrace.demo.order_desk import PaymentRefused
from clustertrace.demo.research import OutOfSearches
from clustertrace.demo.simulation import network
from clustertrace.demo.timeline import START_NS, Planned, plan
from clustertrace.demo.visitor import Visitor

__all__ = ["main", "record"]

BUNDLE = Path(__file__).with_name("traces.jsonl.gz")

NEW_VERSIONS_NS = START_NS + 4 * 86_400 * 10**9
"""From here on, each agent's newest version is live."""

STACK: Final = "exception.stacktrace"

FATAL = (IndexUnavailable, OutOfSearches, PaymentRefused)
"""How a run may end badly; anything else is a mistake in the demo itself."""


def run_visit(planned: Planned) -> None:
    """Let one visitor talk with an agent, turn by turn."""
    agent = AGENTS[planned.visit.agent]
    at_ns = planned.at_ns
    history: tuple[Message, ...] = ()
    for number, turn in enumerate(planned.visit.turns):
        seed = planned.number * 10 + number
        answer = ""
        network.start(at_ns, seed, turn.faults)
        model = ScriptedModel(agent.model, agent.provider, turn.script)
        with clustertrace.session(f"{planned.visit.agent}-{planned.number:03}"), suppress(*FATAL):
            answer = agent.run(turn.asks, model, history, _visitor(planned, turn, seed))["answer"]
        history += (
            {"role": "user", "content": turn.asks},
            {"role": "assistant", "content": answer},
        )
        # People read before they ask again.
        at_ns = network.clock_ns() + (20 + seed % 90) * 10**9


def _visitor(planned: Planned, turn: Turn, seed: int) -> Visitor:
    visit = planned.visit
    agent = AGENTS[visit.agent]
    worst, best = (0.08, 0.42) if turn.outcome == "fail" else (0.68, 0.98)
    return Visitor(
        tags={
            "agent": visit.agent,
            "model": agent.model,
            "version": agent.version if planned.at_ns >= NEW_VERSIONS_NS else agent.old_version,
            "tier": visit.tier,
            "language": visit.language,
        },
        score=round(random.Random(seed).uniform(worst, best), 2),
        outcome=turn.outcome,
        reason=turn.reason,
    )


def record(file: Path) -> None:
    """Run all visits and write what they recorded to `file`, as gzip JSON Lines."""
    with TemporaryDirectory(prefix="clustertrace-demo-") as folder:
        # A person's own settings (prices, capture, an endpoint) would change what is recorded.
        for name in [name for name in os.environ if name.startswith("CLUSTERTRACE_")]:
            del os.environ[name]
        os.environ["CLUSTERTRACE_DB"] = str(Path(folder) / "demo.db")
        with testing.deterministic(clock_ns=network.clock_ns, seed=1):
            for planned in plan():
                run_visit(planned)
            clustertrace.flush()
        exported = subprocess.run(
            [sys.executable, "-m", "clustertrace", "export", "--all"],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    traces = b"".join(_without_stacks(line) for line in exported.splitlines(keepends=True))
    # No time and no name in the gzip header: nothing in the file depends on who made it, or when.
    file.write_bytes(gzip.compress(traces, compresslevel=9, mtime=0))


def _without_stacks(line: bytes) -> bytes:
    """An exported trace without tracebacks: they name folders of this machine, and line numbers."""
    if STACK.encode() not in line:
        return line
    trace = orjson.loads(line)
    for span in trace["spans"]:
        span["attributes"].pop(STACK, None)
    return orjson.dumps(trace) + b"\n"


def main() -> None:
    """Write the bundle, or the file that is named."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLE
    record(file)
    print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
