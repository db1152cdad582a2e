"""What the user meant to change, week by week, and what figures say of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from clustertrace.review.aims import FIGURES, Aim, Offer, Samples, compared
from clustertrace.review.commitments import Changes, Commitment, Kept, streak
from clustertrace.review.sums import Sums
from clustertrace.review.weeks import Window, before, coming_week, reviewed_week, window
from clustertrace.store.connection import Connection
from clustertrace.store.queries.weekly import sums_by_name

__all__ = ["changes_of", "patterns_aimed_at"]

_WEEKS: Final = 52
"""Plans that are looked through for how many were kept in a row."""

_RUNS: Final = 2_000
"""Runs of a week, the newest, whose costs are compared: the roll-ups have no costs of single runs,
and more would not change what the test says."""


def changes_of(
    conn: Connection, given: Window, starts: int, offers: Sequence[Offer], now_ns: int
) -> Changes:
    """The plans around some days; `starts` is the weekday that weeks begin on, 0 for Monday."""
    reviewed, coming = (
        window(first(given, starts), given.zone) for first in (reviewed_week, coming_week)
    )
    weeks = _until(conn, reviewed.first)
    last = weeks[-1] if weeks and weeks[-1].week == reviewed.first else None
    if last is not None:
        first, second = (_samples(conn, one, last.aim) for one in (before(reviewed), reviewed))
        last = last._replace(tested=compared(last.aim, first, second))
    planned = conn.row(f"{_COMMITMENTS} WHERE week = ?", (str(coming.first),))
    return Changes(
        now_ns,
        reviewed,
        last,
        coming,
        None if planned is None else _commitment(planned),
        tuple(offers),
        tuple(weeks),
        streak(weeks, reviewed.first),
    )


def patterns_aimed_at(changes: Changes) -> set[str]:
    """The patterns that plans and offers name."""
    aims = [one.aim for one in changes.offers]
    aims += [one.aim for one in (changes.planned, *changes.weeks) if one is not None]
    return {aim.pattern for aim in aims if aim.pattern}


_COMMITMENTS: Final = (
    "SELECT week, change, figure, pattern, mark, value_before, value_after, word FROM commitments"
)


def _until(conn: Connection, week: date) -> list[Commitment]:
    rows = conn.rows(
        f"{_COMMITMENTS} WHERE week <= ? ORDER BY week DESC LIMIT ?", (str(week), _WEEKS)
    )
    return [_commitment(row) for row in reversed(rows)]


def _commitment(row: Sequence[Any]) -> Commitment:
    week, change, figure, pattern, *kept = row
    marked = Kept(*kept) if kept[0] else None
    return Commitment(date.fromisoformat(week), change, Aim(figure, pattern), marked)


def _samples(conn: Connection, given: Window, aim: Aim) -> Samples:
    """What a week says about a figure of all runs, or of those of a pattern."""
    figure = FIGURES[aim.figure]
    sums = {
        name: Sums()._replace(**dict(zip(figure.fields, told, strict=True)))
        for name, *told in sums_by_name(conn, given, figure.fields, aim.pattern)
    }
    return Samples(sums, {} if figure.bad else _costs(conn, given, aim))


def _costs(conn: Connection, given: Window, aim: Aim) -> dict[str, list[float]]:
    """What the newest runs of a week cost, where all their calls have a price."""
    only = "AND variant_id = ?" if aim.pattern else ""
    found: dict[str, list[float]] = defaultdict(list)
    for name, cost in conn.rows(
        f"SELECT name, cost_usd FROM traces WHERE start_ns >= ? AND start_ns < ? {only}"
        " AND unpriced_calls = 0 AND failed IS NOT NULL ORDER BY start_ns DESC LIMIT ?",
        (given.start_ns, given.end_ns, *([aim.pattern] if aim.pattern else []), _RUNS),
    ):
        found[name].append(cost)
    return found
