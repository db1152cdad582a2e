"""What settling costs a span of short and of long traces, whatever order their spans arrive in.

    python benchmarks/bench_settling.py [SPANS]     (default 10 000, as the longest trace)

The same number of spans is stored each time, as fewer and longer traces, in batches of 500 among
which what is due is settled, as a receiver does it. Settling reads a trace as a whole, and a trace
that grows is settled again and again: the longer it is, the later. So the cost of a span may be
that of some settlings, but must not grow with the trace. "At once" are traces whose model calls all
run at the same time, reported twice: none may be compared with all others. "Whole" is what one
settling costs, of traces that have all come. CPU time of this one process, which collects garbage
as the receiver does. Nor may calls be compared that are traces by themselves, each in two of them,
of two seconds.

What is told last is a trace that goes on slowly, a span now and then: which share of a core it
takes to settle it again and again.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from figures import Figure, tell

from clustertrace.ingest.pacing import collect_seldom
from clustertrace.model import Batch, Span
from clustertrace.store import Store

BATCH = 500


def at_once(spans: list[Span]) -> None:
    """All model calls run from the first to the last moment, each reported by two programs."""
    first, last = spans[0].start_ns, spans[0].end_ns
    for at, span in enumerate(spans):
        if span.kind == "llm":
            attributes = {"scope.name": f"program {at // 4 % 2}"}
            spans[at] = span._replace(start_ns=first + at, end_ns=last, attributes=attributes)


WHOLE = "whole"
ORDERS: dict[str, Callable[[list[Span]], None]] = {
    WHOLE: lambda spans: None,
    "as begun": lambda spans: None,
    "as ended": lambda spans: spans.sort(key=lambda span: span.end_ns or 0),
    "backwards": lambda spans: spans.reverse(),
    "at random": lambda spans: random.Random(5).shuffle(spans),
    "at once": at_once,
}
NAMES = ("search", "fetch", "read_file", "answer")


def trace(rng: random.Random, length: int) -> list[Span]:
    """A root around calls of tools and models, four levels deep, in the order of their starts."""
    trace_id = f"{rng.getrandbits(128):032x}"
    start = 1_760_000_000 * 10**9
    ids = [f"{rng.getrandbits(64):016x}" for _ in range(length)]
    root = Span(trace_id, ids[0], None, "agent", "agent", "ok", start, start + (length + 1) * 10**6)
    spans = [root]
    for at in range(1, length):
        parent = 0 if at % 64 == 1 else (at - 1) // 64 * 64 + 1 if at % 4 == 2 else at - at % 4
        begin = start + at * 10**6
        model = at % 4 == 3
        spans.append(
            Span(
                *(trace_id, ids[at], ids[max(0, min(parent, at - 1))]),
                *(NAMES[at % 4], "llm" if model else "tool", "ok", begin, begin + 900_000),
                f"question {at}",
                f"answer {at}",
                model="gpt-4o-mini" if model else None,
                input_tokens=1_000 if model else None,
                output_tokens=100 if model else None,
            )
        )
    return spans


def alone(calls: int) -> list[Span]:
    """Calls of two seconds that say the same, each reported as two traces."""
    rng = random.Random(calls)
    spans = []
    for _ in range(calls):
        start = 1_760_000_000 * 10**9 + rng.randrange(2 * 10**9)
        spans += [
            Span(
                *(f"{rng.getrandbits(128):032x}", f"{rng.getrandbits(64):016x}", None),
                *("call", "llm", "ok", start + at, start + 10**9),
                model="gpt-4o-mini",
                input_tokens=1_000,
                output_tokens=100,
                attributes={"scope.name": f"program {at}"},
            )
            for at in (0, 1)
        ]
    return spans


def cost(folder: Path, length: int, total: int, order: str) -> tuple[float, float]:
    """Microseconds a span of writing and of settling."""
    rng = random.Random(length)
    spans: list[Span] = []
    for _ in range(total // length):
        one = trace(rng, length)
        ORDERS[order](one)
        spans += one
    return stored(folder / f"{length}-{order}.db", spans, meanwhile=order != WHOLE)


def stored(file: Path, spans: Sequence[Span], *, meanwhile: bool = True) -> tuple[float, float]:
    """Microseconds a span of writing and of settling."""
    wrote = settled = 0.0
    with Store.open(file) as store:
        for at in range(0, len(spans), BATCH):
            begin = time.process_time()
            store.write(Batch(spans[at : at + BATCH], []))
            written = time.process_time()
            while meanwhile and store.settle():
                pass
            wrote, settled = wrote + written - begin, settled + time.process_time() - written
        begin = time.process_time()
        while store.settle(everything=True):
            pass
        settled += time.process_time() - begin
    return wrote / len(spans) * 1e6, settled / len(spans) * 1e6


def share(folder: Path, length: int) -> float:
    """Of a core, what a trace takes of which further spans come all the time."""
    spans = trace(random.Random(length), length + 1)
    with Store.open(folder / f"{length}.db") as store:
        for at in range(0, length, BATCH):
            store.write(Batch(spans[at : min(length, at + BATCH)], []))
        while store.settle(everything=True):
            pass
        begin = time.monotonic()
        store.write(Batch(spans[length:], []))
        cpu = time.process_time()
        while not store.settle():
            time.sleep(0.01)
            cpu = time.process_time()
        return (time.process_time() - cpu) / (time.monotonic() - begin)


def main() -> None:
    """Print a row for each length, a column for each order."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    collect_seldom()
    lengths = [length for length in (10, 100, 1_000, 10_000, 100_000) if length <= total]
    print(f"{'spans a trace':>14}" + "".join(f"{order:>12}" for order in ORDERS) + "   µs a span")
    settled: dict[int, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for length in lengths:
            costs = [cost(Path(folder), length, total, order) for order in ORDERS]
            settled[length] = [one[1] for one in costs]
            cells = "".join(f"{one:12.1f}" for one in settled[length])
            print(f"{length:>14,}{cells}   (writing {costs[0][0]:.1f})", flush=True)
        shares = [f"{share(Path(folder), length):.1%} at {length:,} spans" for length in lengths]
        for calls in (100, 500, 2_000):
            settling = stored(Path(folder) / f"alone-{calls}.db", alone(calls))[1]
            print(f"{calls:>14,} calls by themselves, reported twice: {settling:.0f} µs a span")
        print(f"of a core, for a trace that goes on: {', '.join(shares)}")
    first = settled[lengths[0]]
    grown, order = max(
        (cost / first[at], order)
        for row in settled.values()
        for at, (order, cost) in enumerate(zip(ORDERS, row, strict=True))
    )
    tell(Figure("settle growth", grown, of=f"{lengths[0]} to {lengths[-1]:,} spans, {order}"))


if __name__ == "__main__":
    main()
