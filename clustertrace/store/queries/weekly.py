"""Sums of a week: from the roll-ups by day, and the runs of its first and last hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from clustertrace.review.weeks import Window
from clustertrace.store.connection import Connection
from clustertrace.store.queries.periods import period

__all__ = ["sums_by_name", "week_of_patterns"]

_DAY_COLUMNS: Final = {
    "finished": "traces - running - incomplete",
    "ended": "traces - running",
}
"""Sums that the roll-up by day has no column for."""

_RUN_COLUMNS: Final = {
    "finished": "failed IS NOT NULL",
    "failed": "coalesce(failed, 0)",
    "ended": "failed IS NOT NULL OR status <> 'running'",
    "dead_ends": "dead_end IS NOT NULL",
    "missed_runs": "missed_tokens > 0",
}
"""The same sums of one run."""

_RUNS_OF_PART: Final = (
    "traces INDEXED BY traces_parts WHERE half_day = ? AND start_ns >= ? AND start_ns < ?"
)
"""Runs of a part of a day; without statistics SQLite takes an index that has to be sorted."""


def week_of_patterns(
    conn: Connection, week: Window, fields: Sequence[str], orders: Sequence[str], each: int
) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """How many patterns ran in a week, and their sums; and the patterns that come first.

    `fields` are names of clustertrace.review.sums.Sums, `orders` say how to sort by them: of each,
    so many patterns are answered, with their id, their name and their sums, most runs first.
    """
    sums_sql, params = _sums_by_day_sql(week, fields, "")
    field_names = ", ".join(fields)
    sums = ", ".join(f"{_sum_sql(name)} AS {name}" for name in fields)
    first_patterns = " UNION ".join(
        f"SELECT * FROM (SELECT id, {field_names} FROM weeks ORDER BY {order} LIMIT {each})"
        for order in orders
    )
    rows = conn.rows(
        "WITH weeks AS MATERIALIZED"
        f" (SELECT id, {sums} FROM ({sums_sql}) GROUP BY id HAVING sum(ended) > 0)"
        f" SELECT NULL, NULL, count(*), {', '.join(_sum_sql(name) for name in fields)} FROM weeks"
        f" UNION ALL SELECT id, name, 0, {field_names} FROM ({first_patterns})"
        " JOIN variants ON variant_id = id",
        params,
    )
    total, *patterns = rows
    return total[2:], [(*row[:2], *row[3:]) for row in patterns]


def sums_by_name(
    conn: Connection, week: Window, fields: Sequence[str], pattern: str = ""
) -> list[tuple[Any, ...]]:
    """For each name of a root these sums of its runs, or of those of one pattern, of a week."""
    sums_sql, params = _sums_by_day_sql(week, fields, pattern)
    sums = ", ".join(_sum_sql(name) for name in fields)
    return conn.rows(
        f"SELECT name, {sums} FROM ({sums_sql}) JOIN variants ON variant_id = id GROUP BY 1", params
    )


def _sum_sql(name: str) -> str:
    """A sum; taking runs out again leaves crumbs of dollars."""
    return f"round(sum({name}), 12) + 0.0" if name.endswith("_usd") else f"sum({name})"


def _sums_by_day_sql(
    week: Window, fields: Sequence[str], pattern: str
) -> tuple[str, list[int | str]]:
    """SQL, and its parameters: ids of patterns and sums, for each day and each part of one."""
    pattern_condition, pattern_params = ("AND variant_id = ?", [pattern]) if pattern else ("", [])
    days = ", ".join(f"{_DAY_COLUMNS.get(name, name)} AS {name}" for name in fields)
    week_period = period(week.start_ns, week.end_ns)
    selects = [
        f"SELECT variant_id AS id, {days} FROM variant_days"
        f" WHERE day >= ? AND day < ? {pattern_condition}"
    ]
    params: list[int | str] = [week_period.first_day, week_period.end_day, *pattern_params]
    for part in week_period.parts:
        runs = ", ".join(f"{part.sign} * sum({_RUN_COLUMNS.get(name, name)})" for name in fields)
        selects.append(
            f"SELECT variant_id, {runs} FROM {_RUNS_OF_PART} {pattern_condition} GROUP BY 1"
        )
        params += [part.half_day, part.start_ns, part.end_ns, *pattern_params]
    return " UNION ALL ".join(selects), params
