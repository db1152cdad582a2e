"""Sums of a week: from the roll-ups by day, and the runs of its first and last hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clustertrace.review.weeks import Window
from clustertrace.store.connection import Connection
from clustertrace.store.queries.periods import period

__all__ = ["sums_by_name", "week_of_patterns"]

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


def week_of_patterns(
    conn: Connection, given: Window, fields: Sequence[str], orders: Sequence[str], each: int
) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """How many patterns ran in a week, and their sums; and the patterns that come first.

    `fields` are names of clustertrace.review.sums.Sums, `orders` say how to sort by them: of each,
    so many patterns are answered, with their id, their name and their sums, most runs first.
    """
    told, params = _told(given, fields, "")
    named = ", ".join(fields)
    sums = ", ".join(f"{_sum(name)} AS {name}" for name in fields)
    firsts = " UNION ".join(
        f"SELECT * FROM (SELECT id, {named} FROM weeks ORDER BY {order} LIMIT {each})"
        for order in orders
    )
    rows = conn.rows(
        "WITH weeks AS MATERIALIZED"
        f" (SELECT id, {sums} FROM ({told}) GROUP BY id HAVING sum(ended) > 0)"
        f" SELECT NULL, NULL, count(*), {', '.join(f'{_sum(name)}' for name in fields)} FROM weeks"
        f" UNION ALL SELECT id, name, 0, {named} FROM ({firsts})"
        " JOIN variants ON variant_id = id",
        params,
    )
    total, *patterns = rows
    return total[2:], [(*row[:2], *row[3:]) for row in patterns]


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
    """SQL, and its parameters: ids of patterns and sums, for each day and each part of one."""
    only, more = ("AND variant_id = ?", [pattern]) if pattern else ("", [])
    days = ", ".join(f"{_BY_DAY.get(name, name)} AS {name}" for name in fields)
    pieces = period(given.start_ns, given.end_ns)
    told = [f"SELECT variant_id AS id, {days} FROM variant_days WHERE day >= ? AND day < ? {only}"]
    params: list[int | str] = [pieces.first_day, pieces.end_day, *more]
    for part in pieces.parts:
        runs = ", ".join(f"{part.sign} * sum({_OF_A_RUN.get(name, name)})" for name in fields)
        told.append(f"SELECT variant_id, {runs} FROM {_PART} {only} GROUP BY 1")
        params += [part.half_day, part.start_ns, part.end_ns, *more]
    return " UNION ALL ".join(told), params
