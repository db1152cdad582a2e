"""What placing a trace and mining failure rules cost: in one pass, and from the store.

    python benchmarks/bench_mining.py [RUNS]     (default 2 000 runs of 26 spans)

Printed: microseconds to place a trace (its variant, and its family among fifty leaders), the
time to learn rules from the store, and how many times dearer it is to learn the same rules from
the spans themselves. The last line says what is true of both: the rules are the same.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from figures import Figure, tell

from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.patterns.conditions import case_of
from clustertrace.patterns.families import Leader, family_id, features, nearest
from clustertrace.patterns.rules import mine
from clustertrace.patterns.signature import in_order, root_of, variant
from clustertrace.store import Store, queries

SPANS_A_RUN = 26
TOOLS = ("search", "open_page", "read", "cite", "plan", "ask", "book", "pay")
WORDS = Path(__file__).read_text().split()
LEADERS = 50

T = TypeVar("T")


def run(rng: random.Random) -> tuple[list[Span], TraceFacts]:
    """Make a run of tools and model calls; those that read often mostly fail."""
    trace_id = f"{rng.getrandbits(128):032x}"
    start = rng.randrange(1_700_000_000, 1_760_000_000) * 10**9
    root = f"{rng.getrandbits(64):016x}"
    spans = [Span(trace_id, root, None, "agent", "agent", "ok", start, start + 10**9)]
    for at in range(1, SPANS_A_RUN):
        text = " ".join(rng.choices(WORDS, k=30))
        began = start + at * 10**6
        kind = "tool" if at % 2 else "llm"
        name = rng.choices(TOOLS, weights=(8, 7, 6, 5, 4, 3, 2, 1))[0] if at % 2 else "chat"
        status = "error" if kind == "tool" and rng.random() < 0.05 else "ok"
        span_id = f"{rng.getrandbits(64):016x}"
        times = (began, began + 10**6)
        spans.append(
            Span(trace_id, span_id, root, name, kind, status, *times, {"text": text}, text)
        )
    often = sum(span.name == "read" for span in spans) >= 4
    failed = rng.random() < (0.7 if often else 0.15)
    return spans, TraceFacts(trace_id, outcome="fail" if failed else "pass")


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds that it takes, at best of three, and what comes out."""
    best, made = float("inf"), None
    for _ in range(3):
        begin = time.perf_counter()
        made = work()
        best = min(best, time.perf_counter() - begin)
    assert made is not None
    return best, made


def place(runs: list[list[Span]]) -> list[str | None]:
    """Variant and family of each run, as settling does it."""
    founders = {}
    for spans in runs[:LEADERS]:
        ordered = in_order(spans)
        signature = variant(ordered, root_of(ordered))
        founders[family_id(signature)] = Leader(family_id(signature), features(signature.steps))
    leaders = list(founders.values())
    placed = []
    for spans in runs:
        ordered = in_order(spans)
        placed.append(nearest(features(variant(ordered, root_of(ordered)).steps), leaders))
    return placed


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    rng = random.Random(1)
    made = [run(rng) for _ in range(count)]
    seconds, _ = timed(lambda: place([spans for spans, _ in made]))
    placing = seconds / count * 1e6
    print(f"placing a trace of {SPANS_A_RUN} spans: {placing:.0f} µs")
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "t.db") as store:
        for at in range(0, count, 100):
            some = made[at : at + 100]
            store.write(
                Batch([s for spans, _ in some for s in spans], [facts for _, facts in some])
            )
        begin = time.perf_counter()
        store.refresh()
        print(
            f"settling, text index and traits of {count} runs: {time.perf_counter() - begin:.1f} s"
        )
        with store.read() as conn:
            stored, learned = timed(lambda: queries.learned(conn, count))
            begin = time.perf_counter()
            cases = [case_of(t.spans, t.failed, t.session_id) for t in queries.export(conn)]
            direct = mine(cases)
            spans = time.perf_counter() - begin
    print(f"mining {count} runs from the store: {stored:.2f} s")
    print(f"mining them from their spans: {spans:.2f} s, {spans / stored:.1f} times as long")
    same = {rule.conditions for rule in learned.mined.rules}
    assert same == {rule.conditions for rule in direct.rules}
    print(f"both find the same {len(same)} rules, of {learned.mined.tried:,} conditions tried")
    tell(
        Figure("mined", stored * 1e3, of=f"of {count:,}"),
        Figure("placed", placing, of=f"{SPANS_A_RUN} spans"),
    )


if __name__ == "__main__":
    main()
