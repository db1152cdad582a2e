"""A process that stores runs at a steady pace beside what is measured, and tells how long it waits.

    python benchmarks/steady_writer.py DATABASE SEED     (until it is ended)

It does what a receiver does: it commits runs, settles and indexes them. A line a batch says when,
how long the commit took, waiting for others included, and how many spans there have been.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

__all__ = ["Wrote", "report", "writing"]

SPANS_A_SECOND = 2_000


class Wrote(NamedTuple):
    """A batch that was written."""

    at: float
    """When, on the monotonic clock."""
    seconds: float
    spans: int
    """Since the process began."""


@contextmanager
def writing(path: Path, seed: int) -> Iterator[list[Wrote]]:
    """Another process writes meanwhile; afterwards, what it wrote. Raises where it broke off."""
    wrote: list[Wrote] = []
    with subprocess.Popen(
        [sys.executable, __file__, str(path), str(seed)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        try:
            yield wrote
        finally:
            broke_off = writer.poll()
            writer.terminate()
            lines = writer.stdout.read().splitlines()
            wrote += [Wrote(*map(float, line.split())) for line in lines if line.count(" ") == 2]  # type: ignore[arg-type]
    if broke_off is not None:
        raise RuntimeError("The process that writes beside this one broke off.")


def report(wrote: list[Wrote]) -> str:
    """What the other process wrote, and the longest that it had to wait."""
    if len(wrote) < 2:
        return "meanwhile nothing was written"
    first, last = wrote[0], wrote[-1]
    pace = (last.spans - first.spans) / (last.at - first.at)
    longest = max(one.seconds for one in wrote)
    return f"meanwhile {pace:,.0f} spans/s written, the longest wait {longest:.2f} s"


def main() -> None:
    """Write until somebody ends it."""
    from made_runs import batches

    from clustertrace.store import Store

    with Store.open(sys.argv[1]) as store:
        written, begin = 0, time.monotonic()
        print("ready", flush=True)
        for batch in batches(10**6, seed=int(sys.argv[2]), spans=200, days=1):
            time.sleep(max(0.0, written / SPANS_A_SECOND - (time.monotonic() - begin)))
            began = time.monotonic()
            store.write(batch)
            took = time.monotonic() - began
            written += len(batch.spans)
            store.settle(limit=50)
            store.index_text(limit=400)
            print(time.monotonic(), took, written, flush=True)


if __name__ == "__main__":
    main()
