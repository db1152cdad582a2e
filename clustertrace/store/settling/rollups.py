"""The roll-up rows that pages read: what each run adds to them, put in and taken out again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from clustertrace.model import NS_PER_DAY
from clustertrace.store.chunks import chunks
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.settling import variants
from clustertrace.summary import duration_bucket

__all__ = ["ROLLED", "Rollups"]

_MEASURES: Final = (
    *("traces", "running", "incomplete", "failed", "failed_by_outcome", "spans", "llm_calls"),
    *("unpriced_calls", "input_tokens", "output_tokens", "cache_read_tokens"),
    *("cache_write_tokens", "reasoning_tokens", "cost_usd", "missed_tokens", "lost_usd"),
    *("missed_runs", "dead_ends", "duration_ns"),
)
ROLLED: Final = (
    *("variant_id", "start_ns", "status", "failed", "outcome", "duration_ns"),
    *("span_count", "llm_calls", "unpriced_calls", "input_tokens", "output_tokens"),
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd"),
    *("missed_tokens", "lost_usd", "dead_end", "rolled_session_id"),
)
"""What a settled trace's roll-up contribution is made of, as columns of `traces`."""

_SESSION_RUNS: Final = "FROM traces WHERE session_id = :name AND variant_id IS NOT NULL"
"""The runs of a session, without replays, which have no pattern."""


class Rollups:
    """Changes to the roll-up rows, summed first: one upsert a row, not one a trace."""

    def __init__(self) -> None:
        self._days: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0] * len(_MEASURES))
        self._durations: dict[tuple[str, int, int], int] = defaultdict(int)
        self._sessions: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])

    def add(self, contribution: Sequence[Any], sign: int) -> None:
        """Add (+1) or take out (-1) a trace's contribution, in the order of `ROLLED`."""
        variant, start_ns, status, failed, outcome, duration_ns = contribution[:6]
        spans, *totals = contribution[6:17]
        dead_end, session = contribution[17:]
        day = start_ns // NS_PER_DAY
        finished = failed is not None
        measures = (
            1,
            not finished and status == "running",
            not finished and status != "running",
            bool(failed),
            bool(failed) and outcome is not None,
            spans,
            *totals,
            totals[-2] > 0,
            dead_end is not None,
            float(duration_ns or 0),
        )
        row = self._days[variant, day]
        for at, measure in enumerate(measures):
            row[at] += sign * measure
        if finished and duration_ns is not None:
            self._durations[variant, day, duration_bucket(duration_ns)] += sign
        if session is not None:
            entry = self._sessions[session]
            entry[0] += sign
            entry[1] += sign * bool(failed)
            entry[2] += sign * contribution[14]

    def take_out(self, conn: Connection, trace_ids: Sequence[bytes]) -> None:
        """Take out what these traces have added; one that was never settled added nothing."""
        sql = f"SELECT {', '.join(ROLLED)} FROM traces WHERE variant_id IS NOT NULL AND trace_id IN"
        for chunk in chunks(trace_ids):
            for contribution in conn.rows(f"{sql} ({placeholders(chunk)})", chunk):
                self.add(contribution, -1)

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
