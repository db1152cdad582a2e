"""Delete three tenths of all runs while another process writes: how fast, and who waits.

    python benchmarks/bench_deleting.py [TRACES [FOLDER]]     (default 10 000; docs: 1 000 000)

The oldest runs of a generated database are deleted, as by `clustertrace vacuum --older-than`, while
another process stores 2 000 spans per second. Rows, after which no page, command or search shows
the runs, are reported apart from what follows: words in the text index, and pages of the file.
With a FOLDER the database is kept there, and an existing one is used; it lacks the runs afterwards.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from figures import Figure, machine, tell
from made_runs import DAYS, END_NS, batches
from steady_writer import report, writing

from clustertrace.filters import parse
from clustertrace.store import Store, queries
from clustertrace.store.upkeep.retention import retire

DELETED = 0.3
QUIET_SECONDS = 5
"""How long the other process is watched before anything is deleted."""


class Moment(NamedTuple):
    """A moment, by the clock and in CPU seconds of this process."""

    clock: float
    cpu: float


def now() -> Moment:
    """The current moment."""
    return Moment(time.monotonic(), time.process_time())


def delete(store: Store) -> list[Figure]:
    """Delete the oldest runs while another process writes, and print what it took."""
    until = datetime.fromtimestamp(END_NS / 1e9, UTC) - timedelta(days=DAYS * (1 - DELETED))
    traces = spans = slices = 0
    with store.read() as conn:
        stored, size = queries.overview(conn).spans, conn.size_bytes()
    with writing(store.path, 2) as writes:
        time.sleep(QUIET_SECONDS)
        started = rows_gone = now()
        for retired in retire(store, parse(f"until:{until:%Y-%m-%d}")):
            traces, spans, slices = traces + retired.traces, spans + retired.spans, slices + 1
            rows_gone = now()
        finished = now()
    with store.read() as conn:
        size_after = conn.size_bytes()
    print(
        f"{traces:,} of its runs deleted, {spans:,} of {stored:,} spans, in {slices:,} transactions"
    )
    for part, first, last in (
        ("rows", started, rows_gone),
        ("words and pages", rows_gone, finished),
    ):
        seconds, cpu = last.clock - first.clock, last.cpu - first.cpu
        print(
            f"  {part:16} {seconds:7.1f} s, {spans / max(seconds, 1e-9):9,.0f} spans/s;"
            f" {cpu / max(spans, 1) * 1e6:6.1f} µs of CPU a span"
        )
    print(f"  on disk          {size / 1e6:,.0f} → {size_after / 1e6:,.0f} MB")
    before = [write for write in writes if write.at < started.clock]
    during = [write for write in writes if started.clock <= write.at <= finished.clock]
    print(f"  before it        {report(before)}\n  during it        {report(during)}", flush=True)
    size_note = f"{spans:,} of {stored:,} spans"
    wait = max((write.seconds for write in during), default=float("nan"))
    return [
        Figure("delete", spans / (rows_gone.clock - started.clock), of=size_note),
        Figure("delete wait", wait * 1e3, of=size_note),
    ]


def build(store: Store, traces: int) -> None:
    """Store runs as a receiver does."""
    for batch in batches(traces, spans=4_000):
        store.write(batch)
        while store.settle(everything=True, limit=2_000):
            pass
        while store.index_text(limit=20_000):
            pass
        while store.note_traits(limit=2_000) + store.note_prompts(limit=2_000):
            pass


def main() -> None:
    """Build and delete."""
    traces = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(sys.argv[2] if len(sys.argv) > 2 else temporary) / f"scale-{traces}.db"
        exists = path.exists()
        with Store.open(path) as store:
            if not exists:
                build(store, traces)
            tell(*delete(store))


if __name__ == "__main__":
    main()
