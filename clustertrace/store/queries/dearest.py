"""What cost most in a week: sessions, and runs of no session."""

from __future__ import annotations

from typing import Final

from clustertrace.model import NS_PER_DAY
from clustertrace.review.record import SessionCost
from clustertrace.review.weeks import Window
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.periods import period
from clustertrace.understanding.spending import NONE

__all__ = ["dearest"]

_LIMIT: Final = 10
_CANDIDATES: Final = 20
"""Sessions that are added up exactly before all of them are."""

_FROM_SESSION_DAYS: Final = "FROM spending WHERE dimension = 'session' AND day >= ? AND day < ?"

_Session = tuple[float, str, int]
"""What it cost, its id, and how many of its calls have no price."""


def dearest(conn: Connection, week: Window) -> tuple[SessionCost, ...]:
    """The dearest sessions, and runs of no session."""
    candidates: list[tuple[float, str | None, bytes | None, int]] = []
    candidates += [
        (cost, name, None, unpriced) for cost, name, unpriced in _dearest_sessions(conn, week)
    ]
    first, last = (2 * time_ns // NS_PER_DAY for time_ns in (week.start_ns, week.end_ns - 1))
    for half_day in range(first, last + 1):
        single_runs = conn.rows(
            "SELECT cost_usd, trace_id, unpriced_calls FROM traces WHERE session_id IS NULL"
            " AND half_day = ? AND start_ns >= ? AND start_ns < ? AND cost_usd > 0"
            " ORDER BY cost_usd DESC LIMIT ?",
            (half_day, week.start_ns, week.end_ns, _LIMIT),
        )
        candidates += [(cost, None, key, unpriced) for cost, key, unpriced in single_runs]
    candidates.sort(key=lambda row: (-row[0], row[1] or "", row[2] or b""))
    return tuple(_dear(conn, week, *row) for row in candidates[:_LIMIT])


def _dearest_sessions(conn: Connection, week: Window) -> list[_Session]:
    """The dearest sessions.

    What a session cost in a week is at most what it cost on all days that the week touches. So
    those that come first by that are added up exactly; where another might still be among the
    dearest, all are.
    """
    first, last = (time_ns // NS_PER_DAY for time_ns in (week.start_ns, week.end_ns - 1))
    upper_bounds = conn.rows(
        f"SELECT name, sum(cost_usd) AS cost {_FROM_SESSION_DAYS} AND name <> ? GROUP BY name"
        " ORDER BY cost DESC LIMIT ?",
        (first, last + 1, NONE, _CANDIDATES + 1),
    )
    exact_costs = _exact_costs(conn, week, [name for name, _ in upper_bounds[:_CANDIDATES]])
    if len(upper_bounds) > _CANDIDATES and (
        len(exact_costs) < _LIMIT or exact_costs[-1][0] < upper_bounds[-1][1]
    ):
        exact_costs = _exact_costs(conn, week, None)
    return exact_costs


def _exact_costs(conn: Connection, week: Window, names: list[str] | None) -> list[_Session]:
    """The dearest of these sessions, or of all."""
    week_period = period(week.start_ns, week.end_ns)
    marks = placeholders(names or ())
    name_condition = f"IN ({marks})" if names is not None else f"<> '{NONE}'"
    selects = [
        f"SELECT name, cost_usd, unpriced_calls {_FROM_SESSION_DAYS} AND name {name_condition}"
    ]
    params: list[int | str] = [week_period.first_day, week_period.end_day, *(names or ())]
    for part in week_period.parts:
        selects.append(
            f"SELECT session_id, {part.sign} * cost_usd, {part.sign} * unpriced_calls FROM traces"
            " WHERE start_ns >= ? AND start_ns < ? AND session_id IS NOT NULL"
            " AND variant_id IS NOT NULL"
            + (f" AND session_id {name_condition}" if names is not None else " AND half_day = ?")
        )
        params += [part.start_ns, part.end_ns, *([part.half_day] if names is None else names)]
    return conn.rows(
        "SELECT round(sum(cost_usd), 12) AS cost, name, sum(unpriced_calls)"
        f" FROM ({' UNION ALL '.join(selects)}) GROUP BY name HAVING round(sum(cost_usd), 12) > 0"
        " ORDER BY cost DESC, name LIMIT ?",
        (*params, _LIMIT),
    )


def _dear(
    conn: Connection,
    week: Window,
    cost: float,
    session: str | None,
    key: bytes | None,
    unpriced: int,
) -> SessionCost:
    runs = 1
    if session is not None:
        of_session = "session_id = ? AND start_ns >= ? AND start_ns < ? AND variant_id IS NOT NULL"
        params = (session, week.start_ns, week.end_ns)
        runs = conn.value(f"SELECT count(*) FROM traces WHERE {of_session}", params)
        key = conn.value(
            f"SELECT trace_id FROM traces WHERE {of_session} ORDER BY start_ns", params
        )
    row = conn.row("SELECT name, first_prompt FROM traces WHERE trace_id = ?", (key,))
    assert key is not None
    assert row is not None
    return SessionCost(session, key.hex(), row[0], row[1], runs, cost, unpriced)
