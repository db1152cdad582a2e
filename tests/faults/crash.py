"""Kill every kind of process at random points under load, and see whether anything is lost.

    python tests/faults/crash.py [--kills N] [--minutes M] [--seed S] [--json]

Recorders, a receiver, importers and other commands work on one database. Each is killed (SIGKILL)
again and again, and started anew at once. Whatever was promised is written into a ledger: spans
whose call had returned, spans that the receiver had acknowledged, files whose import had ended
well. After so many kills the database is held against the ledger: every promised span is there
just once, its pages are whole, and all totals and the text index are those of its spans
(clustertrace.store.upkeep.checking). Then the next campaign begins, on a new database.

Victims are forked from a process that has loaded everything, so that a kill costs milliseconds
and hits work rather than imports.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

sys.path.insert(0, str(Path(__file__).parent))
import crash_load as load

from clustertrace.ingest import server as _server  # noqa: F401 - loaded before the first fork
from clustertrace.store import Store
from clustertrace.store.upkeep.checking import check

CAMPAIGN: Final = 150
"""Kills before the database is looked at."""

MEAN_LIFE_SECONDS: Final = {"receiver": 0.8}
"""Of a victim, else 0.3 s; a quarter live less than a third of it, so that starting is hit
as well."""


class Victim(NamedTuple):
    """A process that is killed sooner or later."""

    role: str
    number: int
    dies_at: float


class Campaign:
    """Processes on one database, and what they promised."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.db = folder / "home" / "traces.db"
        self._folder = folder
        self._rng = rng
        self._port = _free_port()
        self._alive: dict[int, Victim] = {}
        self._started = 0
        self.kills: Counter[str] = Counter()
        self._spare: list[int] = []

    def run(self, kills: int) -> None:
        """Kill so many processes, then end the rest."""
        for _ in range(2):
            self._spare.append(self._fork("sender", self._sender))
        for role in ("receiver", "recorder", "recorder", "shipper", "importer", "command"):
            self._start(role)
        while self.kills.total() < kills:
            self._reap()
            pid, victim = min(self._alive.items(), key=lambda one: one[1].dies_at)
            wait = victim.dies_at - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, 0.01))
                continue
            self._kill(pid)
            self._start(victim.role)
        for pid in (*self._spare, *self._alive):
            _end(pid)

    def verdict(self) -> dict[str, object]:
        """What is wrong now that all is quiet; nothing, if the promises were kept."""
        wrong: dict[str, object] = {}
        self._ship_the_rest()
        promised = load.promises(self._folder)
        with Store.open(self.db) as store:
            store.refresh()
            with store.read() as conn:
                stored = load.stored(conn)
            found = check(store)
        lost = sorted(promised - set(stored))
        doubled = [token for token, times in stored.items() if times > 1]
        # A beginning of a segment (.new) is cleared by whoever records a minute later.
        left = [path.name for path in store.spool.glob("*.jsonl")]
        faults = sorted({line for path in self._folder.glob("*.log") for line in load.faults(path)})
        for name, what in (
            ("lost", lost), ("doubled", doubled), ("left in the spool", left), ("said", faults),
        ):  # fmt: skip
            if what:
                wrong[name] = [len(what), what[:5]]
        if not found.sound:
            wrong["unsound"] = str(found)
        return {"promised": len(promised), "stored": found.spans, "wrong": wrong}

    def _start(self, role: str) -> None:
        life = self._rng.expovariate(1 / MEAN_LIFE_SECONDS.get(role, 0.3))
        self._started += 1
        number = self._started
        pid = self._fork(f"{role}-{number}", lambda: self._work(role, number))
        self._alive[pid] = Victim(role, number, time.monotonic() + life)

    def _fork(self, name: str, work: Callable[[], object]) -> int:
        seed = self._rng.random()
        pid = os.fork()
        if pid == 0:
            _child(self._folder / f"{name.partition('-')[0]}.log", seed, work)
        return pid

    def _work(self, role: str, number: int) -> object:
        os.environ["CLUSTERTRACE_DB"] = str(self.db)
        match role:
            case "receiver":
                return load.receive(self.db, self._port)
            case "recorder":
                return load.record(self._folder, number)
            case "shipper":
                os.environ["CLUSTERTRACE_ENDPOINT"] = f"http://127.0.0.1:{self._port}"
                return load.record(self._folder, number)
            case "importer":
                return load.bring_in(self._folder, number)
        return load.command()

    def _sender(self) -> object:
        return load.send(self._folder, self._port)

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.kills[self._alive.pop(pid).role] += 1

    def _reap(self) -> None:
        """Start what has ended by itself, as commands do, anew."""
        for pid in list(self._alive):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._start(self._alive.pop(pid).role)

    def _ship_the_rest(self) -> None:
        """What dead programs left in the outbox is sent by the next one that records."""
        receiver = self._fork("receiver-last", lambda: self._work("receiver", 0))
        os.environ["CLUSTERTRACE_DB"] = str(self.db)
        shipper = self._fork("shipper-last", lambda: load.ship(self.db, self._port))
        os.waitpid(shipper, 0)
        _end(receiver, signal.SIGTERM)


def _child(log: Path, seed: float, work: Callable[[], object]) -> NoReturn:
    """Do a process's work; it never returns into the harness."""
    code = 1
    try:
        log_file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log_file, 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        random.seed(seed)
        code = int(bool(work()))
        sys.stdout.flush()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _end(pid: int, by: signal.Signals = signal.SIGKILL) -> None:
    os.kill(pid, by)
    os.waitpid(pid, 0)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def main(arguments: Sequence[str] | None = None) -> int:
    """Run campaigns until there were enough kills or minutes; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill at random, and see whether all is kept.")
    parser.add_argument("--kills", type=int, default=CAMPAIGN)
    parser.add_argument("--minutes", type=float, default=None, help="instead of --kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    load.prepare()
    end = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    kills: Counter[str] = Counter()
    promised = stored = campaigns = 0
    broken: list[object] = []
    while time.monotonic() < end if end else kills.total() < options.kills:
        rng = random.Random(f"{options.seed}-{campaigns}")
        folder = Path(tempfile.mkdtemp(prefix="crash-"))
        campaign = Campaign(folder, rng)
        campaign.run(CAMPAIGN if end else min(CAMPAIGN, options.kills - kills.total()))
        verdict = campaign.verdict()
        kills += campaign.kills
        campaigns += 1
        promised += int(str(verdict["promised"]))
        stored += int(str(verdict["stored"]))
        if verdict["wrong"]:
            broken.append({"folder": str(folder), "seed": campaigns - 1, **verdict})
            print(broken[-1], file=sys.stderr)
        else:
            shutil.rmtree(folder)
        print(f"{kills.total()} kills, {promised} promised", file=sys.stderr)
    result = {
        "campaigns": campaigns,
        "kills": dict(sorted(kills.items())),
        "spans_promised": promised,
        "spans_stored": stored,
        "broken": broken,
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
