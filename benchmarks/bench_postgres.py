"""Store and query on SQLite, on one PostgreSQL server, and on three behind a coordinator.

    python benchmarks/bench_postgres.py [TRACES]     (default 300; needs PostgreSQL)

The same generated runs (`made_runs.py`) are stored in each, a thousand spans per batch, settled and
indexed; then a few pages' queries are timed, the best of three. All servers share this machine's
cores, so three nodes only show what distribution costs, not what it gains. Times are wall-clock;
the CPU is that of this process and, where the kernel reports it, of the servers. The last table
shows the disk space per span, by table.
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

Question = Callable[[Connection], object]

STAGES: dict[str, Callable[[Store], object]] = {
    "settle": lambda store: store.settle(everything=True, limit=2_000),
    "index": lambda store: store.index_text(limit=20_000),
    "note": lambda store: store.note_traits(limit=2_000) + store.note_prompts(limit=2_000),
}

QUESTIONS: dict[str, Question] = {
    "/": lambda conn: queries.traces(conn),
    "/ failed:yes": lambda conn: queries.traces(conn, parse("failed:yes")),
    "/clusters": lambda conn: (queries.overview(conn), queries.clusters(conn)),
    "/clusters failed:yes": lambda conn: queries.clusters(conn, parse("failed:yes")),
    "/trace": lambda conn: queries.trace(conn, queries.latest(conn, failed=True)),
    "/search": lambda conn: queries.search(conn, "trace"),
    "/search rare phrase": lambda conn: queries.search(conn, '"row 77 not found"'),
    "/sessions": lambda conn: queries.sessions(conn),
}


class Elapsed(NamedTuple):
    """The time of some work, seconds."""

    clock: float
    own: float
    """CPU of this process."""
    servers: float
    """CPU of the servers."""


class Place(NamedTuple):
    """A database to measure."""

    name: str
    url: str
    servers: tuple[Cluster, ...]


@contextmanager
def places() -> Iterator[list[Place]]:
    """The databases to measure, all empty."""
    binaries = newest_binaries()
    if binaries is None:
        print("needs PostgreSQL: install it (on Debian: apt-get install postgresql)")
        raise SystemExit
    with tempfile.TemporaryDirectory() as folder, ExitStack() as cleanup:
        servers = []
        for _ in range(4):
            servers.append(Cluster(binaries))
            cleanup.callback(servers[-1].close)
        single_url, coordinator_url, *shards = (
            server.url(server.create()) for server in (servers[0], *servers)
        )
        from clustertrace.store.postgres import nodes

        nodes.spread_over(place_of(coordinator_url), [place_of(url) for url in shards])
        path = str(Path(folder) / "traces.db")
        yield [
            Place("SQLite", path, ()),
            Place("one server", single_url, tuple(servers[:1])),
            Place("three servers", coordinator_url, tuple(servers)),
        ]


def timed(work: Callable[[], object], servers: tuple[Cluster, ...]) -> Elapsed:
    """Repeat some work until it returns a false value."""
    started, own_cpu, server_cpu = time.perf_counter(), time.process_time(), cpu_of(servers)
    while work():
        pass
    return Elapsed(
        time.perf_counter() - started, time.process_time() - own_cpu, cpu_of(servers) - server_cpu
    )


def cpu_of(servers: tuple[Cluster, ...]) -> float:
    """CPU seconds of servers, including those of their ended processes."""
    roots = {int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
             for server in servers}  # fmt: skip
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


def store(place: Place, opened: Store, traces: int) -> tuple[int, dict[str, Elapsed]]:
    """Store the runs; returns the number of spans, and the time of each stage."""
    generated = list(batches(traces))
    remaining = iter(generated)
    times = {"write": timed(lambda: _write_next(opened, remaining), place.servers)}
    for name, work in STAGES.items():
        times[name] = timed(lambda work=work: work(opened), place.servers)  # type: ignore[misc]
    return sum(len(batch.spans) for batch in generated), times


def _write_next(opened: Store, remaining: Iterator[object]) -> bool:
    batch = next(remaining, None)
    if batch is not None:
        opened.write(batch)  # type: ignore[arg-type]
    return batch is not None


def ask_all(opened: Store) -> dict[str, float]:
    """The milliseconds of each query, the best of three."""
    milliseconds = {}
    for name, question in QUESTIONS.items():
        best = float("inf")
        for _ in range(3):
            with opened.read() as conn:
                started = time.perf_counter()
                question(conn)
                best = min(best, time.perf_counter() - started)
        milliseconds[name] = best * 1e3
    return milliseconds


def sizes(place: Place) -> dict[str, tuple[int, int]]:
    """The bytes of each table and of its indexes."""
    with Store.open(place.url) as opened, opened.read() as conn:
        tables = conn.table_sizes()
    return {table.name: (table.table_bytes or 0, table.index_bytes or 0) for table in tables}


class _UndoneError(Exception):
    """Rolls back a transaction."""


def ways_in(spread: Store, traces: int) -> Iterator[tuple[str, float]]:
    """Rows per second through the coordinator and straight to a shard, and shard lookups."""
    prepared_rows = prepared(next(batches(traces, seed=1))).rows.values()
    rows = [
        (*row[:SEQ], 10**12 + number, *row[SEQ + 1 :]) for number, row in enumerate(prepared_rows)
    ]
    ids = [row[0].hex() for row in rows]
    started = time.perf_counter()
    (node, _), *_ = spread.split(ids)
    yield "runs placed, and their shards looked up", len(set(ids)) / (time.perf_counter() - started)
    for name, store in (("through the coordinator", spread), ("straight to the shard", node)):
        with suppress(_UndoneError), store.writing() as conn:
            started = time.perf_counter()
            conn.many(f"INSERT INTO spans VALUES ({', '.join('?' * len(rows[0]))})", rows)
            seconds = time.perf_counter() - started
            raise _UndoneError
        yield f"rows of spans by COPY {name}", len(rows) / seconds


def main() -> None:
    """Print a row for each database, then one for each question, then the sizes."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{machine()}; {traces} runs that end {time.strftime('%Y', time.gmtime(END_NS / 1e9))}")
    latencies: dict[str, dict[str, float]] = {}
    spans, bytes_of = 0, dict[str, tuple[int, int]]()
    with places() as measured:
        print(f"\n{'':14} {'spans/s':>8}   µs of CPU a span, of this process + the servers'")
        for place in measured:
            with Store.open(place.url) as opened:
                spans, times = store(place, opened, traces)
                parts = "  ".join(
                    f"{name} {stage.own / spans * 1e6:.0f}+{stage.servers / spans * 1e6:.0f}"
                    for name, stage in times.items()
                )
                print(f"{place.name:14} {spans / times['write'].clock:8,.0f}   {parts}", flush=True)
                latencies[place.name] = ask_all(opened)
                if place.name == "one server":
                    bytes_of = sizes(place)
                if place.name == "three servers":
                    for name, rate in ways_in(opened, traces):
                        print(f"  {name}: {rate:,.0f} a second")
    print(f"\n{'ms, best of three':24} {' '.join(f'{name:>14}' for name in latencies)}")
    for question in QUESTIONS:
        row = " ".join(f"{of[question]:14.1f}" for of in latencies.values())
        print(f"{question:24} {row}")
    print(f"\n{f'bytes a span, {spans:,} spans':24} {'table':>8} {'indexes':>8}")
    for name, (table_bytes, indexes) in sorted(
        bytes_of.items(), key=lambda stage_time: -sum(stage_time[1])
    )[:8]:
        print(f"{name:24} {table_bytes / spans:8.0f} {indexes / spans:8.0f}")
    table_bytes, indexes = (sum(parts) for parts in zip(*bytes_of.values(), strict=True))
    print(f"{'all':24} {table_bytes / spans:8.0f} {indexes / spans:8.0f}")


if __name__ == "__main__":
    main()
