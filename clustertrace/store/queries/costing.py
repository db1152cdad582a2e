"""What was spent on what: from the roll-up of money, so at the same cost however many runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal, NamedTuple

from clustertrace.model import NS_PER_DAY
from clustertrace.store.connection import Connection, placeholders
from clustertrace.understanding.spending import NONE, Measures

__all__ = [
    "By",
    "Spending",
    "SpendingPage",
    "first_day",
    "measures_of_sessions",
    "spending",
    "spending_in_sessions",
]

By = Literal["session", "project", "model", "skill", "subagent", "tool", "day"]

_SUMS: Final = ", ".join(f"sum({name})" for name in Measures._fields)
_WHOLE_MEASURES: Final = Measures._fields.index("cost_usd")
"""So many of the measures are whole numbers; the rest is money."""


class Spending(NamedTuple):
    """What model calls came to for one of the things that they are counted by."""

    name: str
    """Of a day: its date, UTC."""
    measures: Measures


class SpendingPage(NamedTuple):
    """Some of the things that money was spent on, the dearest first; days newest first."""

    rows: tuple[Spending, ...]
    names: int
    """How many there are."""
    total: Measures
    breaks: tuple[Spending, ...]
    """Why caches were missed (`Break` of clustertrace.understanding.spending), dearest first."""


def spending(
    conn: Connection, by: By, *, since_day: int = 0, limit: int = 50, offset: int = 0
) -> SpendingPage:
    """What was spent by session, project, model and so on; `since_day` counts from 1970-01-01."""
    dimension, name, order = "total", "day", "1 DESC"
    if by != "day":
        dimension, name, order = by, "name", "sum(cost_usd) DESC, sum(input_tokens) DESC, 1"
    # All of them are ordered by as few columns as that takes; the others are summed of a page only.
    rows = conn.rows(
        f"SELECT spending.{name}, {_SUMS} FROM (SELECT {name} AS one FROM spending"
        f" WHERE {_part_condition(since_day)} GROUP BY 1 ORDER BY {order}"
        " LIMIT :limit OFFSET :offset)"
        f" CROSS JOIN spending ON {_part_condition(since_day)} AND spending.{name} = one"
        f" GROUP BY 1 ORDER BY {order}",
        {"part": dimension, "since": since_day, "limit": limit, "offset": offset},
    )
    names = conn.value(
        "SELECT count(*) FROM"
        f" (SELECT 1 FROM spending WHERE {_part_condition(since_day)} GROUP BY {name})",
        {"part": dimension, "since": since_day},
    )
    totals, lost = (
        conn.rows(
            f"SELECT name, {_SUMS} FROM spending WHERE {_part_condition(since_day)}"
            " GROUP BY name ORDER BY sum(lost_usd) DESC, sum(missed_tokens) DESC",
            {"part": part, "since": since_day},
        )
        for part in ("total", "break")
    )
    return SpendingPage(
        tuple(_spending_of_row(row) for row in rows),
        names,
        _spending_of_row(totals[0]).measures if totals else Measures(),
        tuple(_spending_of_row(row) for row in lost),
    )


def first_day(days: int | None, now_ns: int) -> int:
    """The first of the last `days` days (UTC), today included, counted from 1970-01-01.

    None stands for all days.
    """
    return 0 if days is None else now_ns // NS_PER_DAY - days + 1


def measures_of_sessions(conn: Connection, sessions: Sequence[str]) -> dict[str, Measures]:
    """What these sessions spent."""
    marks = placeholders(sessions)
    sql = (
        f"SELECT name, {_SUMS} FROM spending WHERE dimension = 'session' AND name IN ({marks})"
        " GROUP BY name"
    )
    return {row[0]: _spending_of_row(row).measures for row in conn.rows(sql, sessions)}


def spending_in_sessions(conn: Connection) -> Measures:
    """What all sessions spent: the total but for runs of none, so at the same cost however many."""
    whole = spending(conn, "day", limit=1).total
    alone = measures_of_sessions(conn, [NONE]).get(NONE, Measures())
    return _without_crumbs(Measures.summed([whole, alone.negative()]))


def _part_condition(since_day: int) -> str:
    """Without a day, the table is read in the order of its names, and nothing is sorted."""
    return "dimension = :part" + (" AND day >= :since" if since_day else "")


def _spending_of_row(row: Sequence[Any]) -> Spending:
    name, *values = row
    if isinstance(name, int):
        name = str(date(1970, 1, 1) + timedelta(days=name))
    return Spending(name, _without_crumbs(values))


def _without_crumbs(values: Sequence[Any]) -> Measures:
    """Taking runs out again leaves crumbs of dollars."""
    money = (round(usd, 12) + 0.0 for usd in values[_WHOLE_MEASURES:])
    return Measures(*values[:_WHOLE_MEASURES], *money)
