"""What a week came to: from the roll-ups by day, and the runs of its first and last hours."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from clustertrace.review.aims import offered
from clustertrace.review.record import DeadEnd, Review, WeekRuns
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.review.weeks import Window, before
from clustertrace.store.connection import Connection
from clustertrace.store.queries.committing import changes_of, patterns_aimed_at
from clustertrace.store.queries.dearest import dearest
from clustertrace.store.queries.drifting import variants_of
from clustertrace.store.queries.periods import Period, period
from clustertrace.store.queries.totals import NEWEST
from clustertrace.store.queries.weekly import week_of_patterns
from clustertrace.understanding.endings import DEAD_ENDS

__all__ = ["review"]

_LIMIT: Final = 10
_WEEKS: Final = 8
_MOST_RUNS: Final = "finished DESC, id"
_PATTERN_ORDERS: Final = (
    _MOST_RUNS,
    f"lost_usd DESC, missed_tokens DESC, input_tokens DESC, {_MOST_RUNS}",
    *(f"{name} DESC, {_MOST_RUNS}" for name in ("failed", "dead_ends", "cost_usd")),
)
"""By what patterns are picked: what is listed, and what is offered to aim at."""
_NEWEST_DEAD_ENDS: Final = 50
"""Dead ends of each kind that are looked at for the sessions that they are of."""


def review(conn: Connection, week: Window, starts: int = 0, *, now_ns: int | None = None) -> Review:
    """What the runs that began in seven days came to, and the changes that were planned.

    `starts` is the weekday that weeks begin on, 0 for Monday; `now_ns` is now unless it is given.
    """
    count, total, patterns = _patterns_of_week(conn, week)
    cache = sorted(patterns, key=_loss_order)[:_LIMIT]
    most_run = patterns[0] if patterns and patterns[0].sums.finished else None
    now = time.time_ns() if now_ns is None else now_ns
    changes = changes_of(conn, week, starts, offered(total, patterns), now)
    variant_ids = {pattern.id for pattern in cache} | ({most_run.id} if most_run else set())
    variant_ids |= patterns_aimed_at(changes)
    endings = _dead_end_counts(conn, week)
    return Review(
        window=week,
        total=total,
        patterns=count,
        dearest=dearest(conn, week),
        cache=tuple(pattern for pattern in cache if pattern.sums.input_tokens),
        most_run=most_run,
        trend=_trend(conn, most_run.id, week) if most_run else (),
        endings=endings,
        dead_ends=_dead_ends(conn, week, endings),
        changes=changes,
        newest_ns=conn.value(NEWEST),
        variants=variants_of(conn, variant_ids),
    )


def _loss_order(pattern: PatternWeek) -> tuple[float, ...]:
    sums = pattern.sums
    return (-sums.lost_usd, -sums.missed_tokens, -sums.input_tokens)


def _patterns_of_week(conn: Connection, week: Window) -> tuple[int, Sums, list[PatternWeek]]:
    """How many patterns ran in a week, what all runs came to, and the patterns that come first by
    something that is told of; most runs first."""
    (count, *sums), rows = week_of_patterns(conn, week, Sums._fields, _PATTERN_ORDERS, _LIMIT)
    patterns = [PatternWeek(key, name, Sums._make(row_sums)) for key, name, *row_sums in rows]
    patterns.sort(key=lambda pattern: (-pattern.sums.finished, pattern.id))
    return count, Sums._make(value or 0 for value in sums), patterns


def _dead_end_counts(conn: Connection, week: Window) -> Mapping[str, int]:
    """How many runs came to a dead end, by its kind."""
    counts = {
        kind: conn.value(
            "SELECT count(*) FROM traces WHERE dead_end = ? AND start_ns >= ? AND start_ns < ?",
            (kind, week.start_ns, week.end_ns),
        )
        for kind in DEAD_ENDS
    }
    return {kind: count for kind, count in counts.items() if count}


def _dead_ends(conn: Connection, week: Window, kinds: Iterable[str]) -> tuple[DeadEnd, ...]:
    """The newest sessions, and runs of none, that came to a dead end."""
    newest: list[tuple[Any, ...]] = []
    for kind in kinds:
        newest += conn.rows(
            "SELECT start_ns, trace_id, session_id, name, first_prompt, dead_end,"
            " CASE WHEN dead_end = 'fail' THEN outcome_reason END FROM traces"
            " WHERE dead_end = ? AND start_ns >= ? AND start_ns < ? ORDER BY start_ns DESC LIMIT ?",
            (kind, week.start_ns, week.end_ns, _NEWEST_DEAD_ENDS),
        )
    newest.sort(key=lambda row: row[:2], reverse=True)
    dead_ends: dict[str, DeadEnd] = {}
    for start, key, session, name, first_prompt, kind, reason in newest:
        source = key.hex() if session is None else f"session {session}"
        if source not in dead_ends and len(dead_ends) < _LIMIT:
            runs, continued = (
                (1, False) if session is None else _session_dead_ends(conn, week, session, start)
            )
            dead_ends[source] = DeadEnd(
                session, key.hex(), name, first_prompt, kind, start, runs, continued, reason
            )
    return tuple(dead_ends.values())


def _session_dead_ends(
    conn: Connection, week: Window, session: str, last_ns: int
) -> tuple[int, bool]:
    """How many of a session's runs came to a dead end in a week, and whether one followed."""
    runs = conn.value(
        "SELECT count(*) FROM traces WHERE session_id = ? AND start_ns >= ? AND start_ns < ?"
        " AND dead_end IS NOT NULL",
        (session, week.start_ns, week.end_ns),
    )
    later_runs = (
        "SELECT 1 FROM traces WHERE session_id = ? AND start_ns > ? AND variant_id IS NOT NULL"
    )
    return runs, conn.value(f"{later_runs} LIMIT 1", (session, last_ns)) is not None


def _trend(conn: Connection, pattern: str, week: Window) -> tuple[WeekRuns, ...]:
    """How often a pattern ran in the weeks up to one, without those before its first run."""
    windows = [before(week, weeks) for weeks in reversed(range(_WEEKS))]
    trend = [
        WeekRuns(
            week_before,
            *_finished_and_failed(conn, pattern, period(week_before.start_ns, week_before.end_ns)),
        )
        for week_before in windows
    ]
    while not trend[0].runs:
        trend.pop(0)
    return tuple(trend)


def _finished_and_failed(conn: Connection, pattern: str, time_period: Period) -> tuple[int, int]:
    row = conn.row(
        "SELECT coalesce(sum(traces - running - incomplete), 0), coalesce(sum(failed), 0)"
        " FROM variant_days WHERE variant_id = ? AND day >= ? AND day < ?",
        (pattern, time_period.first_day, time_period.end_day),
    )
    assert row is not None
    finished, failed = row
    for part in time_period.parts:
        passes, fails = (
            conn.value(
                "SELECT count(*) FROM traces WHERE variant_id = ? AND failed = ?"
                " AND start_ns >= ? AND start_ns < ?",
                (pattern, outcome, part.start_ns, part.end_ns),
            )
            for outcome in (0, 1)
        )
        finished, failed = finished + part.sign * (passes + fails), failed + part.sign * fails
    return finished, failed
