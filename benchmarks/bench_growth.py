"""What a span costs to store as the database grows: writing, settling and indexing, each apart.

    python benchmarks/bench_growth.py [TRACES]     (default 20 000 traces of ten spans)

The same work, slices of 250 traces, is timed on an ever larger database, as CPU time of this one
process. Of each tenth of the traces the median slice counts, since other programs on the machine
make some slower; the last column compares it with that of the first tenth. Each trace comes in two
batches, as exporters send it: the second finds spans of it. The index of other tools grows with the
database; this one must not.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, tell

from clustertrace.model import Batch, Span
from clustertrace.store import Store

SLICE = 250
SPANS_A_TRACE = 10
WORDS = Path(__file__).read_text().split()


def traces(rng: random.Random, count: int) -> list[Span]:
    """Make traces of a root, tools and model calls with some hundred bytes of text each."""
    spans = []
    for _ in range(count):
        trace_id = f"{rng.getrandbits(128):032x}"
        start = rng.randrange(1_700_000_000, 1_760_000_000) * 10**9
        root = f"{rng.getrandbits(64):016x}"
        for at in range(SPANS_A_TRACE):
            text = " ".join(rng.choices(WORDS, k=30))
            spans.append(
                Span(
                    trace_id,
                    root if at == 0 else f"{rng.getrandbits(64):016x}",
                    None if at == 0 else root,
                    "agent" if at == 0 else rng.choice(("search", "fetch", "answer")),
                    "agent" if at == 0 else rng.choice(("tool", "llm")),
                    "ok" if rng.random() < 0.95 else "error",
                    start + at * 10**6,
                    start + (at + 1) * 10**6,
                    {"text": text},
                    text,
                )
            )
    return spans


def timed(store: Store, spans: list[Span]) -> tuple[float, float, float]:
    """Seconds of CPU to write, settle and index these spans."""
    begin = time.process_time()
    for at in range(0, len(spans), 1_000):
        for half in (0, 1):
            store.write(Batch(spans[at + half : at + 1_000 : 2], []))
    written = time.process_time()
    while store.settle(everything=True):
        pass
    settled = time.process_time()
    while store.index_text():
        pass
    return written - begin, settled - written, time.process_time() - settled


def main() -> None:
    """Print a row for each size of the database."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    slices = max(1, largest // 10 // SLICE)
    rng = random.Random(7)
    first: float | None = None
    print(f"{'traces stored':>14} {'write':>9} {'settle':>9} {'index':>9} {'all':>9}   µs a span")
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "t.db") as store:
        for tenth in range(10):
            runs = [timed(store, traces(rng, SLICE)) for _ in range(slices)]
            seconds = [statistics.median(column) for column in zip(*runs, strict=True)]
            parts = [part / SLICE / SPANS_A_TRACE * 1e6 for part in seconds]
            first = first or sum(parts)
            row = " ".join(f"{part:>9.1f}" for part in (*parts, sum(parts)))
            stored = (tenth + 1) * slices * SLICE
            print(f"{stored:>14,} {row}   × {sum(parts) / first:.2f}", flush=True)
    tell(Figure("growth", sum(parts) / first, of=f"{stored:,} traces"))


if __name__ == "__main__":
    main()
