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

_LISTED: Final = 10
_WEEKS: Final = 8
_MOST_RUNS: Final = "finished DESC, id"
_FIRST_BY: Final = (
    _MOST_RUNS,
    f"lost_usd DESC, missed_tokens DESC, input_tokens DESC, {_MOST_RUNS}",
    *(f"{name} DESC, {_MOST_RUNS}" for name in ("failed", "dead_ends", "cost_usd")),
)
"""By what patterns are picked: what is listed, and what is offered to aim at."""
_NEWEST: Final = 50
"""Dead ends of each kind that are looked at for the sessions that they are of."""


def review(
    conn: Connection, given: Window, starts: int = 0, *, now_ns: int | None = None
) -> Review:
    """What the runs that began in seven days came to, and the changes that were planned.

    `starts` is the weekday that weeks begin on, 0 for Monday; `now_ns` is now unless it is given.
    """
    count, total, patterns = _patterns(conn, given)
    cache = sorted(patterns, key=_by_loss)[:_LISTED]
    most_run = patterns[0] if patterns and patterns[0].sums.finished else None
    now = time.time_ns() if now_ns is None else now_ns
    changes = changes_of(conn, given, starts, offered(total, patterns), now)
    named = {one.id for one in cache} | ({most_run.id} if most_run else set())
    named |= patterns_aimed_at(changes)
    endings = _endings(conn, given)
    return Review(
        window=given,
        total=total,
        patterns=count,
        dear=dearest(conn, given),
        cache=tuple(one for one in cache if one.sums.input_tokens),
        most_run=most_run,
        trend=_trend(conn, most_run.id, given) if most_run else (),
        endings=endings,
        dead_ends=_dead_ends(conn, given, endings),
        changes=changes,
        newest_ns=conn.value(NEWEST),
        variants=variants_of(conn, named),
    )


def _by_loss(one: PatternWeek) -> tuple[float, ...]:
    sums = one.sums
    return (-sums.lost_usd, -sums.missed_tokens, -sums.input_tokens)


def _patterns(conn: Connection, given: Window) -> tuple[int, Sums, list[PatternWeek]]:
    """How many patterns ran in a week, what all runs came to, and the patterns that come first by
    something that is told of; most runs first."""
    (count, *sums), rows = week_of_patterns(conn, given, Sums._fields, _FIRST_BY, _LISTED)
    first = [PatternWeek(key, name, Sums._make(own)) for key, name, *own in rows]
    first.sort(key=lambda one: (-one.sums.finished, one.id))
    return count, Sums._make(value or 0 for value in sums), first


def _endings(conn: Connection, given: Window) -> Mapping[str, int]:
    """How many runs came to a dead end, by its kind."""
    counts = {
        kind: conn.value(
            "SELECT count(*) FROM traces WHERE dead_end = ? AND start_ns >= ? AND start_ns < ?",
            (kind, given.start_ns, given.end_ns),
        )
        for kind in DEAD_ENDS
    }
    return {kind: count for kind, count in counts.items() if count}


def _dead_ends(conn: Connection, given: Window, kinds: Iterable[str]) -> tuple[DeadEnd, ...]:
    """The newest sessions, and runs of none, that came to a dead end."""
    newest: list[tuple[Any, ...]] = []
    for kind in kinds:
        newest += conn.rows(
            "SELECT start_ns, trace_id, session_id, name, first_prompt, dead_end FROM traces"
            " WHERE dead_end = ? AND start_ns >= ? AND start_ns < ? ORDER BY start_ns DESC LIMIT ?",
            (kind, given.start_ns, given.end_ns, _NEWEST),
        )
    found: dict[str, DeadEnd] = {}
    for start, key, session, name, said, kind in sorted(newest, reverse=True):
        of = key.hex() if session is None else f"session {session}"
        if of not in found and len(found) < _LISTED:
            runs, went_on = (1, False) if session is None else _turns(conn, given, session, start)
            found[of] = DeadEnd(session, key.hex(), name, said, kind, start, runs, went_on)
    return tuple(found.values())


def _turns(conn: Connection, given: Window, session: str, last_ns: int) -> tuple[int, bool]:
    """How many of a session's runs came to a dead end in a week, and whether one followed."""
    runs = conn.value(
        "SELECT count(*) FROM traces WHERE session_id = ? AND start_ns >= ? AND start_ns < ?"
        " AND dead_end IS NOT NULL",
        (session, given.start_ns, given.end_ns),
    )
    later = "SELECT 1 FROM traces WHERE session_id = ? AND start_ns > ? AND variant_id IS NOT NULL"
    return runs, conn.value(f"{later} LIMIT 1", (session, last_ns)) is not None


def _trend(conn: Connection, pattern: str, given: Window) -> tuple[WeekRuns, ...]:
    """How often a pattern ran in the weeks up to one, without those before its first run."""
    windows = [before(given, weeks) for weeks in reversed(range(_WEEKS))]
    found = [
        WeekRuns(one, *_runs(conn, pattern, period(one.start_ns, one.end_ns))) for one in windows
    ]
    while not found[0].runs:
        found.pop(0)
    return tuple(found)


def _runs(conn: Connection, pattern: str, pieces: Period) -> tuple[int, int]:
    row = conn.row(
        "SELECT coalesce(sum(traces - running - incomplete), 0), coalesce(sum(failed), 0)"
        " FROM variant_days WHERE variant_id = ? AND day >= ? AND day < ?",
        (pattern, pieces.first_day, pieces.end_day),
    )
    assert row is not None
    finished, failed = row
    for part in pieces.parts:
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
