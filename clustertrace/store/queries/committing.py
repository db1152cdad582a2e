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
    weeks = _commitments_until(conn, reviewed.first)
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


def _commitments_until(conn: Connection, week: date) -> list[Commitment]:
    rows = conn.rows(
        f"{_COMMITMENTS} WHERE week <= ? ORDER BY week DESC LIMIT ?", (str(week), _WEEKS)
    )
    return [_commitment(row) for row in reversed(rows)]


def _commitment(row: Sequence[Any]) -> Commitment:
    week, change, figure, pattern, *kept_columns = row
    kept = Kept(*kept_columns) if kept_columns[0] else None
    return Commitment(date.fromisoformat(week), change, Aim(figure, pattern), kept)


def _samples(conn: Connection, week: Window, aim: Aim) -> Samples:
    """What a week says about a figure of all runs, or of those of a pattern."""
    figure = FIGURES[aim.figure]
    sums = {
        name: Sums()._replace(**dict(zip(figure.fields, values, strict=True)))
        for name, *values in sums_by_name(conn, week, figure.fields, aim.pattern)
    }
    return Samples(sums, {} if figure.bad else _costs_by_name(conn, week, aim))


def _costs_by_name(conn: Connection, week: Window, aim: Aim) -> dict[str, list[float]]:
    """What the newest runs of a week cost, where all their calls have a price."""
    pattern_condition = "AND variant_id = ?" if aim.pattern else ""
    costs: dict[str, list[float]] = defaultdict(list)
    for name, cost in conn.rows(
        "SELECT name, cost_usd FROM traces WHERE start_ns >= ? AND start_ns < ?"
        f" {pattern_condition}"
        " AND unpriced_calls = 0 AND failed IS NOT NULL ORDER BY start_ns DESC LIMIT ?",
        (week.start_ns, week.end_ns, *([aim.pattern] if aim.pattern else []), _RUNS),
    ):
        costs[name].append(cost)
    return costs
