"""Deleting three tenths of all runs while another process writes: how fast, and who waits.

    python benchmarks/bench_deleting.py [TRACES [FOLDER]]     (default 10 000; docs: 1 000 000)

The oldest runs of a database of made runs are deleted, as `clustertrace vacuum --older-than` does
it, while another process stores 2 000 spans a second. Told apart are the rows, after which no page,
command or search knows the runs, and what follows: the words in the text index, and the pages of
the file. With a FOLDER the database stays there, and one that stands there already is taken as it
is; it lacks the runs afterwards.
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
from steady_writer import told, writing

from clustertrace.filters import parse
from clustertrace.store import Store, queries
from clustertrace.store.upkeep.retention import retire

DELETED = 0.3
QUIET_SECONDS = 5
"""The other process is watched for so long before anything is deleted."""


class At(NamedTuple):
    """A moment, on the clock and in CPU time of this process."""

    clock: float
    cpu: float


def now() -> At:
    """This moment."""
    return At(time.monotonic(), time.process_time())


def delete(store: Store) -> list[Figure]:
    """Delete the oldest runs while another process writes, and print what that took."""
    until = datetime.fromtimestamp(END_NS / 1e9, UTC) - timedelta(days=DAYS * (1 - DELETED))
    traces = spans = slices = 0
    with store.read() as conn:
        stored, size = queries.overview(conn).spans, conn.size_bytes()
    with writing(store.path, 2) as wrote:
        time.sleep(QUIET_SECONDS)
        begun = rows = now()
        for gone in retire(store, parse(f"until:{until:%Y-%m-%d}")):
            traces, spans, slices = traces + gone.traces, spans + gone.spans, slices + 1
            rows = now()
        ended = now()
    with store.read() as conn:
        size_after = conn.size_bytes()
    print(
        f"{traces:,} of its runs deleted, {spans:,} of {stored:,} spans, in {slices:,} transactions"
    )
    for what, first, last in (("rows", begun, rows), ("words and pages", rows, ended)):
        seconds, cpu = last.clock - first.clock, last.cpu - first.cpu
        print(
            f"  {what:16} {seconds:7.1f} s, {spans / max(seconds, 1e-9):9,.0f} spans/s;"
            f" {cpu / max(spans, 1) * 1e6:6.1f} µs of CPU a span"
        )
    print(f"  on disk          {size / 1e6:,.0f} → {size_after / 1e6:,.0f} MB")
    before = [one for one in wrote if one.at < begun.clock]
    during = [one for one in wrote if begun.clock <= one.at <= ended.clock]
    print(f"  before it        {told(before)}\n  during it        {told(during)}", flush=True)
    of = f"{spans:,} of {stored:,} spans"
    wait = max((one.seconds for one in during), default=float("nan"))
    return [
        Figure("delete", spans / (rows.clock - begun.clock), of=of),
        Figure("delete wait", wait * 1e3, of=of),
    ]


def build(store: Store, traces: int) -> None:
    """Store runs as a receiver does it."""
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
        stands = path.exists()
        with Store.open(path) as store:
            if not stands:
                build(store, traces)
            tell(*delete(store))


if __name__ == "__main__":
    main()
