"""What a week came to: from the roll-ups by day, and the runs of its first and last hours."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

from clustertrace.endings import DEAD_ENDS
from clustertrace.review.aims import offered
from clustertrace.review.record import DeadEnd, Dear, Review, WeekRuns
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.review.weeks import Window, before
from clustertrace.spending import NONE
from clustertrace.store.connection import Connection
from clustertrace.store.queries.committing import changes_of, patterns_aimed_at
from clustertrace.store.queries.drifting import variants_of
from clustertrace.store.queries.periods import Period, period
from clustertrace.store.queries.weekly import sums_by_pattern
from clustertrace.summary import NS_PER_DAY

__all__ = ["review"]

_LISTED: Final = 10
_WEEKS: Final = 8
_NEWEST: Final = 50
"""Dead ends of each kind that are looked at for the sessions that they are of."""


def review(
    conn: Connection, given: Window, starts: int = 0, *, now_ns: int | None = None
) -> Review:
    """What the runs that began in seven days came to, and the changes that were planned.

    `starts` is the weekday that weeks begin on, 0 for Monday; `now_ns` is now unless it is given.
    """
    patterns = _patterns(conn, given)
    cache = sorted(patterns, key=_by_loss)[:_LISTED]
    most_run = patterns[0] if patterns and patterns[0].sums.finished else None
    total = Sums.summed(one.sums for one in patterns)
    now = time.time_ns() if now_ns is None else now_ns
    changes = changes_of(conn, given, starts, offered(total, patterns), now)
    named = {one.id for one in cache} | ({most_run.id} if most_run else set())
    named |= patterns_aimed_at(changes)
    endings = _endings(conn, given)
    return Review(
        window=given,
        total=total,
        patterns=len(patterns),
        dear=_dear(conn, given),
        cache=tuple(one for one in cache if one.sums.input_tokens),
        most_run=most_run,
        trend=_trend(conn, most_run.id, given) if most_run else (),
        endings=endings,
        dead_ends=_dead_ends(conn, given, endings),
        changes=changes,
        newest_ns=conn.value("SELECT max(start_ns) FROM traces"),
        variants=variants_of(conn, named),
    )


def _by_loss(one: PatternWeek) -> tuple[float, ...]:
    sums = one.sums
    return (-sums.lost_usd, -sums.missed_tokens, -sums.input_tokens)


def _patterns(conn: Connection, given: Window) -> list[PatternWeek]:
    """What the runs of a week came to, by pattern, most runs first."""
    rows = sums_by_pattern(conn, given, Sums._fields)
    found = [PatternWeek(key, name, Sums._make(sums)) for key, name, *sums in rows]
    found = [one for one in found if one.sums.ended]
    return sorted(found, key=lambda one: (-one.sums.finished, one.id))


def _dear(conn: Connection, given: Window) -> tuple[Dear, ...]:
    """The dearest sessions, and runs of no session."""
    found: list[tuple[float, str | None, bytes | None, int]] = []
    found += [(cost, name, None, unpriced) for cost, name, unpriced in _dear_sessions(conn, given)]
    first, last = (2 * at // NS_PER_DAY for at in (given.start_ns, given.end_ns - 1))
    for half_day in range(first, last + 1):
        lone = conn.rows(
            "SELECT cost_usd, trace_id, unpriced_calls FROM traces WHERE session_id IS NULL"
            " AND half_day = ? AND start_ns >= ? AND start_ns < ? AND cost_usd > 0"
            " ORDER BY cost_usd DESC LIMIT ?",
            (half_day, given.start_ns, given.end_ns, _LISTED),
        )
        found += [(cost, None, key, unpriced) for cost, key, unpriced in lone]
    dearest = sorted(found, key=lambda one: (-one[0], one[1] or "", one[2] or b""))[:_LISTED]
    return tuple(_about(conn, given, *one) for one in dearest)


def _dear_sessions(conn: Connection, given: Window) -> list[tuple[float, str, int]]:
    """Cost, id and calls without a price of the dearest sessions.

    What a session cost in a week is at most what it cost on all days that the week touches. So
    only those that come first by that are added up run by run, and more of them until no other
    can be among the dearest.
    """
    first, last = (at // NS_PER_DAY for at in (given.start_ns, given.end_ns - 1))
    wanted = 2 * _LISTED
    while True:
        most = conn.rows(
            "SELECT name, sum(cost_usd) AS cost FROM spending WHERE dimension = 'session'"
            " AND day >= ? AND day <= ? AND name <> ? GROUP BY name ORDER BY cost DESC LIMIT ?",
            (first, last, NONE, wanted + 1),
        )
        found = [_cost(conn, given, name) for name, _ in most[:wanted]]
        found = sorted((one for one in found if one[0] > 0), key=lambda one: (-one[0], one[1]))
        if len(most) <= wanted or (len(found) >= _LISTED and found[_LISTED - 1][0] >= most[-1][1]):
            return found[:_LISTED]
        wanted *= 8


def _cost(conn: Connection, given: Window, session: str) -> tuple[float, str, int]:
    row = conn.row(
        "SELECT coalesce(sum(cost_usd), 0.0), ?1, coalesce(sum(unpriced_calls), 0) FROM traces"
        " WHERE session_id = ?1 AND start_ns >= ?2 AND start_ns < ?3",
        (session, given.start_ns, given.end_ns),
    )
    assert row is not None
    return row


def _about(
    conn: Connection,
    given: Window,
    cost: float,
    session: str | None,
    key: bytes | None,
    unpriced: int,
) -> Dear:
    runs = 1
    if session is not None:
        of_it = "session_id = ? AND start_ns >= ? AND start_ns < ?"
        params = (session, given.start_ns, given.end_ns)
        runs = conn.value(f"SELECT count(*) FROM traces WHERE {of_it}", params)
        key = conn.value(f"SELECT trace_id FROM traces WHERE {of_it} ORDER BY start_ns", params)
    row = conn.row("SELECT name, first_prompt FROM traces WHERE trace_id = ?", (key,))
    assert key is not None
    assert row is not None
    return Dear(session, key.hex(), row[0], row[1], runs, cost, unpriced)


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
    later = "SELECT 1 FROM traces WHERE session_id = ? AND start_ns > ? LIMIT 1"
    return runs, conn.value(later, (session, last_ns)) is not None


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
