"""One table of all benchmarks: the targets, the measurements, and what the machine allows.

    python benchmarks/figures.py      (the table of all that `make bench` measured)

Each benchmark reports its figures with `tell`, if possible with what the machine itself takes for
the same in the same run. They are printed as a table under a line about the machine, and added to
the file that the variable BENCH_FIGURES names, from which the last table is made.
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
    """A target."""

    what: str
    bound: float
    unit: str
    more: bool = False
    """Whether the bound is a minimum, not a maximum."""


AIMS: Final = {
    "call": Aim("a traced call, of OpenTelemetry's to nothing", 1 / 3, "×"),
    "call p99": Aim("a traced call, 99th percentile", 100, "µs"),
    "call 0.14.3": Aim("a traced call, of clustertrace 0.14.3's", 1 / 100, "×"),
    "received": Aim("OTLP/protobuf acknowledged, one client", 20_000, "spans/s", more=True),
    "received floor": Aim("the same, of bare SQLite's rows", 0.5, "×", more=True),
    "received 0.14.3": Aim("the same, of clustertrace 0.14.3's", 20, "×", more=True),
    "behind wait": Aim("longest wait of a writer while the receiver settles", 1_000, "ms"),
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
"""Targets by key, in the order of the last table."""


class Figure(NamedTuple):
    """A measurement."""

    key: str
    """A key of `AIMS`."""
    measured: float
    limit: float | None = None
    """What the machine takes for the bare minimum of the same, measured in the same run."""
    limit_of: str = ""
    """What was measured for the limit."""
    of: str = ""
    """The size of the run, or another note on it."""


def machine() -> str:
    """A line about the machine, and its load."""
    busy = f"; load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}{busy}"
    )


def tell(*figures: Figure) -> None:
    """Print a table of these figures, and store them for the table of all."""
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


def _row(figure: Figure) -> tuple[str, ...]:
    aim = AIMS[figure.key]
    reached = figure.measured >= aim.bound if aim.more else figure.measured <= aim.bound
    limit = ""
    if figure.limit:
        factor = _number(figure.measured / figure.limit)
        limit = f"{_number(figure.limit)} {aim.unit} ({figure.limit_of}): × {factor}"
    return (
        aim.what + (f" ({figure.of})" if figure.of else ""),
        f"{'≥' if aim.more else '≤'} {_number(aim.bound)} {aim.unit}",
        f"{_number(figure.measured)} {aim.unit}",
        "reached" if reached else "MISSED",
        limit,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> None:
    """Print the table of all figures; the latest of each key counts."""
    path = os.environ.get("BENCH_FIGURES", "build/figures.jsonl")
    newest = {}
    for line in Path(path).read_text().splitlines():
        _, *fields = json.loads(line)
        figure = Figure(*fields)
        newest[figure.key, figure.of] = figure
    order = list(AIMS)
    _show(sorted(newest.values(), key=lambda figure: order.index(figure.key)))


if __name__ == "__main__":
    main()
