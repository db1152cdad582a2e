"""Sums of a week: from the roll-ups by day, and the runs of its first and last hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clustertrace.review.weeks import Window
from clustertrace.store.connection import Connection
from clustertrace.store.queries.periods import period

__all__ = ["sums_by_name", "sums_by_pattern"]

_BY_DAY: Final = {
    "finished": "traces - running - incomplete",
    "ended": "traces - running",
}
"""Sums that the roll-up by day has no column for."""

_OF_A_RUN: Final = {
    "finished": "failed IS NOT NULL",
    "failed": "coalesce(failed, 0)",
    "ended": "failed IS NOT NULL OR status <> 'running'",
    "dead_ends": "dead_end IS NOT NULL",
    "missed_runs": "missed_tokens > 0",
}
"""The same sums of one run."""

_PART: Final = (
    "traces INDEXED BY traces_parts WHERE half_day = ? AND start_ns >= ? AND start_ns < ?"
)
"""Runs of a part of a day; without statistics SQLite takes an index that has to be sorted."""


def sums_by_pattern(
    conn: Connection, given: Window, fields: Sequence[str]
) -> list[tuple[Any, ...]]:
    """For each pattern its id, its name and these sums of its runs of a week.

    `fields` are names of clustertrace.review.sums.Sums.
    """
    told, params = _told(given, fields, "")
    sums = ", ".join(f"{_sum(name)} AS {name}" for name in fields)
    return conn.rows(
        f"SELECT id, name, {', '.join(fields)} FROM (SELECT id, {sums} FROM ({told}) GROUP BY id)"
        " JOIN variants ON variant_id = id",
        params,
    )


def sums_by_name(
    conn: Connection, given: Window, fields: Sequence[str], pattern: str = ""
) -> list[tuple[Any, ...]]:
    """For each name of a root these sums of its runs, or of those of one pattern, of a week."""
    told, params = _told(given, fields, pattern)
    sums = ", ".join(_sum(name) for name in fields)
    return conn.rows(
        f"SELECT name, {sums} FROM ({told}) JOIN variants ON variant_id = id GROUP BY 1", params
    )


def _sum(name: str) -> str:
    """A sum; taking runs out again leaves crumbs of dollars."""
    return f"round(sum({name}), 12) + 0.0" if name.endswith("_usd") else f"sum({name})"


def _told(given: Window, fields: Sequence[str], pattern: str) -> tuple[str, list[int | str]]:
    """SQL, and its parameters: for each pattern its id and sums, once for each piece of a week."""
    only, more = ("AND variant_id = ?", [pattern]) if pattern else ("", [])
    days = ", ".join(f"sum({_BY_DAY.get(name, name)}) AS {name}" for name in fields)
    pieces = period(given.start_ns, given.end_ns)
    told = [
        f"SELECT variant_id AS id, {days} FROM variant_days WHERE day >= ? AND day < ? {only}"
        " GROUP BY 1"
    ]
    params: list[int | str] = [pieces.first_day, pieces.end_day, *more]
    for part in pieces.parts:
        runs = ", ".join(f"{part.sign} * sum({_OF_A_RUN.get(name, name)})" for name in fields)
        told.append(f"SELECT variant_id, {runs} FROM {_PART} {only} GROUP BY 1")
        params += [part.half_day, part.start_ns, part.end_ns, *more]
    return " UNION ALL ".join(told), params
