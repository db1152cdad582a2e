"""What is to be reached, what was measured, and what physics allows: one table for all benchmarks.

    python benchmarks/figures.py      (the table of all that `make bench` measured)

Each benchmark tells the figures that it is for (`tell`), with what the machine itself takes for the
same in the same run, where that can be measured. It prints them as a table under a line about the
machine, and adds them to the file that the variable BENCH_FIGURES names; from there the last table
is made.
"""

from __future__ import annotations

import json
import os
import platform
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Aim", "Figure", "machine", "tell"]


class Aim(NamedTuple):
    """What is to be reached."""

    what: str
    bound: float
    unit: str
    more: bool = False
    """The bound is the least, not the most."""


AIMS: Final = {
    "call": Aim("a traced call, of OpenTelemetry's to nothing", 1 / 3, "×"),
    "call p99": Aim("a traced call, 99th percentile", 100, "µs"),
    "call 0.14.3": Aim("a traced call, of clustertrace 0.14.3's", 1 / 100, "×"),
    "received": Aim("OTLP/protobuf acknowledged, one client", 20_000, "spans/s", more=True),
    "received floor": Aim("the same, of bare SQLite's rows", 0.5, "×", more=True),
    "received 0.14.3": Aim("the same, of clustertrace 0.14.3's", 20, "×", more=True),
    "memory": Aim("the receiver's memory, bodies of 12 MiB", 150, "MiB"),
    "disk": Aim("on disk beyond a span's payload", 900, "bytes"),
    "growth": Aim("storing a span, last tenth to first", 1.3, "×"),
    "settle growth": Aim("settling a span of the longest trace, to one of ten", 2, "×"),
    "page": Aim("the slowest question of a page", 200, "ms"),
    "page growth": Aim("a question over 5 ms, to one of 10,000 traces", 2, "×"),
    "search": Aim("a first page of search results", 300, "ms"),
    "delete": Aim("spans deleted, while others write", 50_000, "spans/s", more=True),
    "delete wait": Aim("longest wait of a writer while runs are deleted", 1_000, "ms"),
    "import": Aim("`import clustertrace`, over Python", 30, "ms"),
    "first call": Aim("the same and a first traced call", 30, "ms"),
    "help": Aim("`clustertrace --help`", 150, "ms"),
    "stats": Aim("`clustertrace stats`", 300, "ms"),
    "port": Aim("the port answers", 1_500, "ms"),
    "painted": Aim("the slowest page painted", 5_000, "ms"),
    "mined": Aim("failure rules of 10 000 runs", 2_000, "ms"),
    "placed": Aim("a run placed in its pattern and family", 200, "µs"),
}
"""By key, in the order of the last table."""


class Figure(NamedTuple):
    """What was measured."""

    key: str
    """Of `AIMS`."""
    measured: float
    limit: float | None = None
    """What the machine takes for the least of the same, measured in the same run."""
    limit_of: str = ""
    """What that was."""
    of: str = ""
    """The size of the run, or what else is to be known of it."""


def machine() -> str:
    """A line about where it was measured, and how busy that was."""
    busy = f"; load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}{busy}"
    )


def tell(*figures: Figure) -> None:
    """Print a table of these figures, and keep them for the table of all."""
    _show(figures)
    path = os.environ.get("BENCH_FIGURES")
    if path:
        with Path(path).open("a") as file:
            file.writelines(json.dumps([machine(), *figure]) + "\n" for figure in figures)


def _show(figures: Iterable[Figure]) -> None:
    rows = [("figure", "target", "measured", "", "the machine's own"), *map(_row, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(f"\n{machine()}")
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _row(one: Figure) -> tuple[str, ...]:
    aim = AIMS[one.key]
    reached = one.measured >= aim.bound if aim.more else one.measured <= aim.bound
    limit = ""
    if one.limit:
        times = _number(one.measured / one.limit)
        limit = f"{_number(one.limit)} {aim.unit} ({one.limit_of}): × {times}"
    return (
        aim.what + (f" ({one.of})" if one.of else ""),
        f"{'≥' if aim.more else '≤'} {_number(aim.bound)} {aim.unit}",
        f"{_number(one.measured)} {aim.unit}",
        "reached" if reached else "MISSED",
        limit,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Print the table of all; the last figure of a key counts."""
    told = os.environ.get("BENCH_FIGURES", "build/figures.jsonl")
    found = {}
    for line in Path(told).read_text().splitlines():
        _, *fields = json.loads(line)
        figure = Figure(*fields)
        found[figure.key, figure.of] = figure
    order = list(AIMS)
    _show(sorted(found.values(), key=lambda one: order.index(one.key)))


if __name__ == "__main__":
    main()
