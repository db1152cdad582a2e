"""The roll-up rows that pages read: what each run adds to them, put in and taken out again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Self

from clustertrace.model import NS_PER_DAY
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.settling import variants
from clustertrace.summary import duration_bucket

__all__ = ["Contribution", "Rollups"]

_MEASURES: Final = (
    *("traces", "running", "incomplete", "failed", "failed_by_outcome", "spans", "llm_calls"),
    *("unpriced_calls", "input_tokens", "output_tokens", "cache_read_tokens"),
    *("cache_write_tokens", "reasoning_tokens", "cost_usd", "missed_tokens", "lost_usd"),
    *("missed_runs", "dead_ends", "duration_ns"),
)
_SESSION_RUNS: Final = "FROM traces WHERE session_id = :name AND variant_id IS NOT NULL"
"""The runs of a session, without replays, which have no pattern."""


class Contribution(NamedTuple):
    """What a settled trace adds to the roll-ups, in columns of `traces`."""

    variant_id: str
    start_ns: int
    status: str
    failed: bool | int | None
    outcome: str | None
    duration_ns: int | None
    span_count: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float
    missed_tokens: int
    lost_usd: float
    dead_end: str | None
    rolled_session_id: str | None

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Self | None:
        """What these columns hold of a trace; None: nothing, as of a replay."""
        variant_id, *_ = row
        return None if variant_id is None else cls(*row)


class Rollups:
    """Changes to the roll-up rows, summed first: one upsert a row, not one a trace."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0] * len(_MEASURES))
        self._durations: dict[tuple[str, int, int], int] = defaultdict(int)
        self._sessions: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])

    def add(self, run: Contribution, sign: int) -> None:
        """Add (+1) or take out (-1) what a trace contributes."""
        day = run.start_ns // NS_PER_DAY
        row = self._days[run.variant_id, day]
        for at, measure in enumerate(_measures(run)):
            row[at] += sign * measure
        if run.failed is not None and run.duration_ns is not None:
            self._durations[run.variant_id, day, duration_bucket(run.duration_ns)] += sign
        if run.rolled_session_id is not None:
            session = self._sessions[run.rolled_session_id]
            for at, measure in enumerate((1, bool(run.failed), run.cost_usd)):
                session[at] += sign * measure

    def take_out(self, conn: Connection, trace_ids: Sequence[bytes]) -> None:
        """Take out what these traces have added; one that was never settled added nothing."""
        columns = ", ".join(Contribution._fields)
        sql = f"SELECT {columns} FROM traces WHERE variant_id IS NOT NULL AND trace_id IN"
        for chunk in chunks(trace_ids):
            for row in conn.rows(f"{sql} ({placeholders(chunk)})", chunk):
                self.add(Contribution(*row), -1)

    def apply(self, conn: Connection) -> None:
        """Write the changes; a row that nothing is left of goes."""
        _upsert(conn, "variant_days", ("variant_id", "day"), _MEASURES, self._days)
        self._apply_totals(conn)
        # A running trace passes through variants on its way; those that nobody is left in go.
        variants.forget_empty(conn, sorted({variant for variant, _ in self._days}))
        durations = {key: [count] for key, count in self._durations.items() if count}
        _upsert(conn, "variant_durations", ("variant_id", "day", "bucket"), ("traces",), durations)
        sessions = {(name,): entry for name, entry in self._sessions.items()}
        _upsert(conn, "sessions", ("session_id",), ("traces", "failed", "cost_usd"), sessions)
        conn.many(
            f"UPDATE sessions SET first_ns = (SELECT min(start_ns) {_SESSION_RUNS}),"
            f" last_ns = (SELECT max(start_ns) {_SESSION_RUNS}) WHERE session_id = :name",
            [{"name": name} for (name,) in sessions],
        )

    def _apply_totals(self, conn: Connection) -> None:
        """Add the days up by variant."""
        changes: dict[tuple[str], list[float]] = defaultdict(lambda: [0] * len(_MEASURES))
        for (variant, _), change in self._days.items():
            total = changes[(variant,)]
            for at, measure in enumerate(change):
                total[at] += measure
        _upsert(conn, "variant_totals", ("variant_id",), _MEASURES, changes)
        conn.many(
            "UPDATE variant_totals SET last_day = (SELECT max(day) FROM variant_days WHERE"
            " variant_id = :id), family_id = (SELECT family_id FROM variants WHERE"
            " variant_id = :id) WHERE variant_id = :id",
            [{"id": variant} for (variant,) in changes],
        )


def _measures(run: Contribution) -> tuple[float, ...]:
    """What a trace adds to the row of its day, in the order of `_MEASURES`."""
    finished = run.failed is not None
    return (
        1,
        not finished and run.status == "running",
        not finished and run.status != "running",
        bool(run.failed),
        bool(run.failed) and run.outcome is not None,
        run.span_count,
        run.llm_calls,
        run.unpriced_calls,
        run.input_tokens,
        run.output_tokens,
        run.cache_read_tokens,
        run.cache_write_tokens,
        run.reasoning_tokens,
        run.cost_usd,
        run.missed_tokens,
        run.lost_usd,
        run.missed_tokens > 0,
        run.dead_end is not None,
        float(run.duration_ns or 0),
    )


def _upsert(
    conn: Connection,
    table: str,
    keys: Sequence[str],
    measures: Sequence[str],
    changes: dict[Any, Any],
) -> None:
    marks = placeholders((*keys, *measures))
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in measures)
    conn.many(
        f"INSERT INTO {table} ({', '.join((*keys, *measures))}) VALUES ({marks}) "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {added}",
        [(*key, *change) for key, change in changes.items()],
    )
    same = " AND ".join(f"{name} = ?" for name in keys)
    conn.many(f"DELETE FROM {table} WHERE {same} AND traces = 0", list(changes))
