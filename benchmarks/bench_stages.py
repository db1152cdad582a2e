"""Where the CPU time of a received span goes, stage by stage, next to bare SQLite's.

    python benchmarks/bench_stages.py [REQUESTS [DATABASE]] [--words N]  (default 100 of 100 spans)

One process, no network: each request is decoded, made into rows and committed by itself, as one
client's are; then everything that follows behind the answer is done. CPU time, not the clock's, and
for each stage before the answer the quickest of some rounds, so that it can be read on a machine
that is busy with other things. With a DATABASE, which gets the spans too, it is measured on one
that holds something already. Prompts and answers have 20 words, or N: with 4 000 they are as long
as a file that a coding agent reads.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from figures import machine
from otlp_load import BODY_SPANS, bodies

from clustertrace.conventions.otlp.traces import decode_protobuf
from clustertrace.ingest.pacing import collect_seldom
from clustertrace.model import Batch
from clustertrace.store import Store
from clustertrace.store.rows import span_row
from clustertrace.store.writing.writer import prepared

ROUNDS = 10
T = TypeVar("T")


def seconds_of(work: Callable[[T], object], item: T) -> float:
    """CPU seconds of some work."""
    began = time.process_time()
    work(item)
    return time.process_time() - began


def quickest(work: Callable[[T], object], items: Sequence[T]) -> float:
    """CPU seconds of some work with all items, each in the quickest of `ROUNDS` rounds."""
    return sum(min(seconds_of(work, item) for _ in range(ROUNDS)) for item in items)


def quickest_part(work: Callable[[T], object], items: Sequence[T]) -> float:
    """As that, of work that can't be done twice: the quickest of `ROUNDS` parts stands for all."""
    each = len(items) // ROUNDS
    parts = (items[at : at + each] for at in range(0, each * ROUNDS, each))
    return min(sum(seconds_of(work, item) for item in part) for part in parts) / each * len(items)


def before_the_answer(store: Store, requests: Sequence[bytes]) -> dict[str, float]:
    """Seconds of decoding, of making rows, and of committing them."""
    decode = quickest(decode_protobuf, requests)
    batches = [decode_protobuf(one).batch for one in requests]
    rows = quickest(prepared, batches)
    return {
        "decode protobuf, map its convention": decode,
        "price, cut secrets, make rows": rows,
        "write and commit": quickest_part(store.write, batches) - rows,
    }


def behind_the_answer(store: Store) -> dict[str, float]:
    """Seconds of what is done later."""
    stages: dict[str, Callable[[], int]] = {
        "settle: totals, outcome, tags, roll-ups": lambda: store.settle(everything=True),
        "text index": store.index_text,
        "traits of patterns": store.note_traits,
        "prompts and their habits": store.note_prompts,
    }
    return {name: until_done(stage) for name, stage in stages.items()}


def until_done(stage: Callable[[], int]) -> float:
    """CPU seconds until there is nothing left to do."""
    began = time.process_time()
    while stage():
        pass
    return time.process_time() - began


def bare(batches: Sequence[Batch], folder: Path) -> float:
    """CPU seconds of bare SQLite for the same rows, a transaction a request, without an index."""
    rows = [[span_row(span, None) for span in batch.spans] for batch in batches]
    width = len(rows[0][0])
    insert = f"INSERT INTO spans VALUES ({', '.join('?' * width)})"
    conn = sqlite3.connect(folder / "bare.db", isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = NORMAL")
    conn.execute(f"CREATE TABLE spans ({', '.join(f'c{n}' for n in range(width))})")

    def write(batch: Sequence[tuple[Any, ...]]) -> None:
        conn.execute("BEGIN")
        conn.executemany(insert, batch)
        conn.execute("COMMIT")

    took = quickest_part(write, rows)
    conn.close()
    return took


def main() -> None:
    """Print a row for each stage."""
    asked = argparse.ArgumentParser()
    asked.add_argument("requests", type=int, nargs="?", default=100)
    asked.add_argument("database", type=Path, nargs="?")
    asked.add_argument("--words", type=int, default=20)
    options = asked.parse_args()
    count: int = options.requests
    spans = count * BODY_SPANS
    collect_seldom()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Store.open(options.database or folder / "stages.db") as store:
            requests = bodies(count, time.time_ns() if options.database else 0, options.words)
            first = before_the_answer(store, requests)
            later = behind_the_answer(store)
        floor = bare([decode_protobuf(one).batch for one in requests], folder)
    size = sum(map(len, requests)) // spans
    print(f"{machine()}; {count} requests of {BODY_SPANS} spans of {size:,} bytes")
    show("bare SQLite, the same rows", floor, spans)
    for stages, title in ((first, "before the answer"), (later, "behind it")):
        for stage, seconds in stages.items():
            show(stage, seconds, spans)
        show(title, sum(stages.values()), spans)


def show(stage: str, seconds: float, spans: int) -> None:
    """Print a row."""
    print(f"{stage:42}{seconds / spans * 1e6:8.1f} µs a span")


if __name__ == "__main__":
    main()
