"""What the review of a week costs as the database grows, in zones whose days begin at other hours.

    python benchmarks/bench_review.py [TRACES [AIM]]

TRACES is 100 000 unless it is given (docs/review.md: 1 000 000), AIM what the week's plan is for:
`failures`. Runs of 2 000 patterns are made in 28 days, seven in ten of them in sessions of eight,
straight into the tables, with the roll-ups that settling would make of them. Each review is asked
three times of a database of 10 000 runs and of the large one; the last column is the ratio of the
best times.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta, timezone
from pathlib import Path
from typing import Any

from clustertrace.model import NS_PER_DAY
from clustertrace.review.aims import read_aim
from clustertrace.review.weeks import window
from clustertrace.store import Store, queries
from clustertrace.store.user_entries.commitments import commit

SMALL = 10_000
PATTERNS = 2_000
DAYS = 28
END = 20_400 * NS_PER_DAY
WEEK = date(1970, 1, 1) + timedelta(days=20_400 - 9)
HOURS = (0, 5.5, 12)

COLUMNS = (
    *("trace_id", "session_id", "rolled_session_id", "name", "status", "failed", "start_ns"),
    *("half_day", "duration_ns", "span_count", "error_count", "llm_calls", "unpriced_calls"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("reasoning_tokens", "cost_usd", "missed_tokens", "lost_usd", "dead_end", "first_prompt"),
    "variant_id",
)
BY_DAY = {
    "traces": "1",
    "spans": "span_count",
    "missed_runs": "missed_tokens > 0",
    "dead_ends": "dead_end IS NOT NULL",
}
KEYS = {
    "variant_id": "variant_id",
    "dimension": "'session'",
    "name": "coalesce(session_id, '(none)')",
    "day": f"start_ns / {NS_PER_DAY}",
}
OF_MONEY = {"calls": "llm_calls", "misses": "missed_tokens > 0"}


def runs(count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of runs."""
    rng = random.Random(1)
    weights = [1 / (rank + 1) for rank in range(PATTERNS)]
    for number, pattern in enumerate(rng.choices(range(PATTERNS), weights, k=count)):
        start = END - DAYS * NS_PER_DAY * (count - number) // count
        failed = rng.random() < 0.12
        session = f"session-{number // 8:08d}" if rng.random() < 0.7 else None
        missed = rng.randrange(1_024, 50_000) if rng.random() < 0.1 else 0
        yield (
            *(rng.randbytes(16), session, session, f"agent_{pattern % 7}"),
            *("error" if failed else "ok", int(failed), start, 2 * start // NS_PER_DAY),
            *(rng.randrange(10**11), 10, int(failed), 5, 0, rng.randrange(50_000, 10**5), 1_000),
            *(rng.randrange(50_000), 0, 0, rng.random(), missed, missed * 3e-6),
            rng.choice(["error", "max_tokens", "refusal"]) if failed else None,
            "what is the tide tonight at the harbour " * 3,
            f"{pattern:016x}",
        )


def fill(path: Path, count: int, aim: str = "failures") -> None:
    """Create a database with so many runs, and a plan for the reviewed week."""
    with Store.open(path) as store:
        commit(store, WEEK, "stop in time", read_aim(aim))
    with sqlite3.connect(path) as raw:
        raw.executemany(
            "INSERT INTO variants VALUES (?1, 1, ?2, '[]', ?1)",
            [(f"{number:016x}", f"agent_{number % 7}") for number in range(PATTERNS)],
        )
        raw.executemany(
            f"INSERT INTO traces ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",
            runs(count),
        )
        _roll_up(raw, "variant_days", BY_DAY)
        _roll_up(raw, "spending", OF_MONEY)


def _roll_up(raw: sqlite3.Connection, table: str, expressions: Mapping[str, str]) -> None:
    """Sum up all runs in a table by day; `expressions` are for columns that runs don't have."""
    columns = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
    selected = [
        KEYS[name] if name in KEYS else f"sum({expressions.get(name, _own_column(name))})"
        for name in columns
    ]
    keys = ", ".join(str(position) for position, name in enumerate(columns, 1) if name in KEYS)
    raw.execute(f"INSERT INTO {table} SELECT {', '.join(selected)} FROM traces GROUP BY {keys}")


def _own_column(name: str) -> str:
    """A column of runs if they have it, else 0."""
    return name if name in COLUMNS else "0"


def milliseconds(store: Store, hours: float) -> float:
    """The milliseconds of a review, the best of three."""
    week = window(WEEK, timezone(timedelta(hours=hours)))
    first_day = WEEK.weekday()
    best = float("inf")
    for _ in range(3):
        with store.read() as conn:
            started = time.perf_counter()
            review = queries.review(conn, week, first_day)
            best = min(best, time.perf_counter() - started)
    assert review.changes.last
    return best * 1e3


def main() -> None:
    """Print a row for each zone."""
    large = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (SMALL, large):
            path = Path(folder) / f"{count}.db"
            fill(path, count, *sys.argv[2:3])
            with Store.open(path) as store:
                times.append([milliseconds(store, hours) for hours in HOURS])
    print(f"{'days begin':16} {SMALL:>11,} {large:>11,} runs, ms a review")
    for hours, small_ms, large_ms in zip(HOURS, *times, strict=True):
        print(f"UTC{hours:<+13} {small_ms:>11.1f} {large_ms:>11.1f}   × {large_ms / small_ms:.1f}")


if __name__ == "__main__":
    main()
