"""What a page of the list of traces costs as the database grows, by order and by filter.

    python benchmarks/bench_lists.py [TRACES]     (default 100 000; docs/filters.md: 1 000 000)

A thousand traces are stored as ever; copies of their rows, with ids and times of their own, stand
for the rest (a list reads no span). Each question is asked three times of a database of 10 000
traces and of the large one; the last column is the ratio of the best times.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import get_args

from clustertrace.filters import parse
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.queries import TraceOrder

STORED = 1_000
SMALL = 10_000
START = 1_700_000_000 * 10**9
FILTERS = (
    *("failed:yes", "outcome:fail", "status:running", "starred:yes", "since:2020-01-01"),
    *("tag.tier:gold", "tag.tier:tin", "session:s7", "name:agent_3", "name:nobody"),
    *("cost>0.5", "cost>2", "failed:yes cost>0.9 tag.tier:gold"),
    *("error:*nobody*", "note:*nobody*", "model:nobody", "calls>9"),
)


def seed(store: Store) -> None:
    """Store the first thousand traces."""
    rng = random.Random(3)
    for number in range(STORED):
        trace_id = f"{rng.getrandbits(128):032x}"
        start = START + number * 10**9
        times = (start, start + rng.randrange(10**10))
        bad = rng.random() < 0.1
        root = Span(
            *(trace_id, "1" * 16, None, f"agent_{number % 7}", "llm"),
            *("error" if bad and number % 3 else "ok", *times, "what is the tide tonight " * 8),
            input_tokens=rng.randrange(10**5),
            cost_usd=rng.random(),
        )
        facts = TraceFacts(
            trace_id,
            outcome="fail" if bad and not number % 3 else None,
            session_id=f"s{number // 20}",
            tags={"tier": "gold" if number % 500 == 0 else "tin"},
            starred=number % 200 == 0,
        )
        store.write(Batch([root], [facts]))
    store.refresh()


def grow(path: Path, count: int) -> None:
    """Copy rows until there are `count` traces; the roll-ups grow by as much."""
    with sqlite3.connect(path) as raw:
        columns = [row[1] for row in raw.execute("PRAGMA table_info(traces)")]
        made = {"trace_id": "randomblob(16)", "start_ns": "start_ns + :k * 1000000000000"}
        copied = ", ".join(made.get(column, column) for column in columns)
        have = raw.execute("SELECT count(*) FROM traces").fetchone()[0]
        for k in range(have // STORED, count // STORED):
            raw.execute(
                f"INSERT INTO traces SELECT {copied} FROM traces WHERE start_ns < :end",
                {"k": k, "end": START + STORED * 10**9},
            )
        raw.execute(
            "INSERT INTO trace_tags SELECT trace_id, 'tier', CASE WHEN start_ns / 1000000000 % 500"
            " THEN 'tin' ELSE 'gold' END, 0 FROM traces WHERE true ON CONFLICT DO NOTHING"
        )
        for rollup in ("variant_days", "variant_totals"):
            raw.execute(f"UPDATE {rollup} SET traces = traces * ? / ?", (count, have))


def asked(store: Store, where: str, order: TraceOrder) -> float:
    """Milliseconds of the first page, the best of three."""
    best = float("inf")
    for _ in range(3):
        with store.read() as conn:
            begin = time.perf_counter()
            queries.traces(conn, parse(where) if where else None, order=order)
            best = min(best, time.perf_counter() - begin)
    return best * 1e3


def main() -> None:
    """Print a row for each question."""
    large = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    questions = [("", order) for order in get_args(TraceOrder)]
    questions += [(where, "start_ns") for where in FILTERS]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.db"
        with Store.open(path) as store:
            seed(store)
        for count in (SMALL, large):
            grow(path, count)
            with Store.open(path) as store:
                found.append([asked(store, *question) for question in questions])
    print(f"{'filter':36} {'order':13} {SMALL:>11,} {large:>11,} traces, ms a page")
    for (where, order), small, big in zip(questions, *found, strict=True):
        print(
            f"{where or '(none)':36} {order:13} {small:>11.1f} {big:>11.1f}   × {big / small:.1f}"
        )


if __name__ == "__main__":
    main()
