"""Storing and asking on SQLite, on one PostgreSQL server, and on three behind a coordinator.

    python benchmarks/bench_postgres.py [TRACES]     (default 300; needs PostgreSQL)

The same made runs (`made_runs.py`) go into each, a thousand spans a batch, and are settled and
indexed; then a few pages' questions are asked, the best of three. All servers run on this machine
and share its cores, so three nodes are here to be right, not to be quick: what spreading costs is
seen, what it gains is not. Times are of the clock; the CPU is that of this process and, where the
kernel tells it, of the servers. The last table says what a span takes of a disk, by its part.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from figures import machine
from made_runs import END_NS, batches

from clustertrace.filters import parse
from clustertrace.store import Store, queries
from clustertrace.store.connection import Connection
from clustertrace.store.place import place_of
from clustertrace.store.rows import SEQ
from clustertrace.store.writing.writer import prepared

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.postgres_cluster import Cluster, newest_binaries

Ask = Callable[[Connection], object]

STAGES: dict[str, Callable[[Store], object]] = {
    "settle": lambda store: store.settle(everything=True, limit=2_000),
    "index": lambda store: store.index_text(limit=20_000),
    "note": lambda store: store.note_traits(limit=2_000) + store.note_prompts(limit=2_000),
}

QUESTIONS: dict[str, Ask] = {
    "/": lambda conn: queries.traces(conn),
    "/ failed:yes": lambda conn: queries.traces(conn, parse("failed:yes")),
    "/clusters": lambda conn: (queries.overview(conn), queries.clusters(conn)),
    "/clusters failed:yes": lambda conn: queries.clusters(conn, parse("failed:yes")),
    "/trace": lambda conn: queries.trace(conn, queries.latest(conn, failed=True)),
    "/search": lambda conn: queries.search(conn, "trace"),
    "/search rare phrase": lambda conn: queries.search(conn, '"row 77 not found"'),
    "/sessions": lambda conn: queries.sessions(conn),
}


class Took(NamedTuple):
    """What some work took, seconds."""

    clock: float
    own: float
    """CPU of this process."""
    servers: float
    """And of the servers'."""


class Place(NamedTuple):
    """A database to measure."""

    name: str
    url: str
    servers: tuple[Cluster, ...]


@contextmanager
def places() -> Iterator[list[Place]]:
    """The databases, all empty."""
    binaries = newest_binaries()
    if binaries is None:
        print("needs PostgreSQL: install it (on Debian: apt-get install postgresql)")
        raise SystemExit
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ended:
        servers = []
        for _ in range(4):
            servers.append(Cluster(binaries))
            ended.callback(servers[-1].close)
        one, spread, *shards = (at.url(at.create()) for at in (servers[0], *servers))
        from clustertrace.store.postgres import nodes

        nodes.spread_over(place_of(spread), [place_of(url) for url in shards])
        path = str(Path(folder) / "traces.db")
        yield [
            Place("SQLite", path, ()),
            Place("one server", one, tuple(servers[:1])),
            Place("three servers", spread, tuple(servers)),
        ]


def timed(work: Callable[[], object], servers: tuple[Cluster, ...]) -> Took:
    """Do some work until it returns nothing more to do."""
    began, own, theirs = time.perf_counter(), time.process_time(), cpu_of(servers)
    while work():
        pass
    return Took(time.perf_counter() - began, time.process_time() - own, cpu_of(servers) - theirs)


def cpu_of(servers: tuple[Cluster, ...]) -> float:
    """Seconds of CPU that servers have taken, with those of their processes that have ended."""
    roots = {int((one.folder / "data" / "postmaster.pid").read_text().split()[0])
             for one in servers}  # fmt: skip
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) in roots:
            ticks += int(fields[11]) + int(fields[12])
        if int(stat.parent.name) in roots:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def store(place: Place, opened: Store, traces: int) -> tuple[int, dict[str, Took]]:
    """Store the runs; how many spans they have, and what each stage took."""
    made = list(batches(traces))
    rest = iter(made)
    took = {"write": timed(lambda: _written(opened, rest), place.servers)}
    for name, work in STAGES.items():
        took[name] = timed(lambda work=work: work(opened), place.servers)  # type: ignore[misc]
    return sum(len(batch.spans) for batch in made), took


def _written(opened: Store, rest: Iterator[object]) -> bool:
    batch = next(rest, None)
    if batch is not None:
        opened.write(batch)  # type: ignore[arg-type]
    return batch is not None


def asked(opened: Store) -> dict[str, float]:
    """The milliseconds that each question takes, the best of three."""
    found = {}
    for name, ask in QUESTIONS.items():
        best = float("inf")
        for _ in range(3):
            with opened.read() as conn:
                began = time.perf_counter()
                ask(conn)
                best = min(best, time.perf_counter() - began)
        found[name] = best * 1e3
    return found


def sizes(place: Place) -> dict[str, tuple[int, int]]:
    """The bytes of each table and of its indexes."""
    with Store.open(place.url) as opened, opened.read() as conn:
        tables = conn.table_sizes()
    return {one.name: (one.table_bytes or 0, one.index_bytes or 0) for one in tables}


class _UndoneError(Exception):
    """Ends a transaction without leaving anything of it."""


def ways_in(spread: Store, traces: int) -> Iterator[tuple[str, float]]:
    """Rows of spans a second: through the coordinator, straight to a shard; and runs placed."""
    made = prepared(next(batches(traces, seed=1))).rows.values()
    rows = [(*row[:SEQ], 10**12 + at, *row[SEQ + 1 :]) for at, row in enumerate(made)]
    ids = [row[0].hex() for row in rows]
    began = time.perf_counter()
    (node, _), *_ = spread.split(ids)
    yield "runs placed, and their shards looked up", len(set(ids)) / (time.perf_counter() - began)
    for name, store in (("through the coordinator", spread), ("straight to the shard", node)):
        with suppress(_UndoneError), store.writing() as conn:
            began = time.perf_counter()
            conn.many(f"INSERT INTO spans VALUES ({', '.join('?' * len(rows[0]))})", rows)
            took = time.perf_counter() - began
            raise _UndoneError
        yield f"rows of spans by COPY {name}", len(rows) / took


def main() -> None:
    """Print a row for each database, then one for each question, then the sizes."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{machine()}; {traces} runs that end {time.strftime('%Y', time.gmtime(END_NS / 1e9))}")
    latencies: dict[str, dict[str, float]] = {}
    spans, bytes_of = 0, dict[str, tuple[int, int]]()
    with places() as them:
        print(f"\n{'':14} {'spans/s':>8}   µs of CPU a span, of this process + the servers'")
        for place in them:
            with Store.open(place.url) as opened:
                spans, took = store(place, opened, traces)
                parts = "  ".join(
                    f"{name} {one.own / spans * 1e6:.0f}+{one.servers / spans * 1e6:.0f}"
                    for name, one in took.items()
                )
                print(f"{place.name:14} {spans / took['write'].clock:8,.0f}   {parts}", flush=True)
                latencies[place.name] = asked(opened)
                if place.name == "one server":
                    bytes_of = sizes(place)
                if place.name == "three servers":
                    for name, a_second in ways_in(opened, traces):
                        print(f"  {name}: {a_second:,.0f} a second")
    print(f"\n{'ms, best of three':24} {' '.join(f'{name:>14}' for name in latencies)}")
    for question in QUESTIONS:
        row = " ".join(f"{of[question]:14.1f}" for of in latencies.values())
        print(f"{question:24} {row}")
    print(f"\n{f'bytes a span, {spans:,} spans':24} {'table':>8} {'indexes':>8}")
    for name, (own, indexes) in sorted(bytes_of.items(), key=lambda one: -sum(one[1]))[:8]:
        print(f"{name:24} {own / spans:8.0f} {indexes / spans:8.0f}")
    own, indexes = (sum(parts) for parts in zip(*bytes_of.values(), strict=True))
    print(f"{'all':24} {own / spans:8.0f} {indexes / spans:8.0f}")


if __name__ == "__main__":
    main()
