"""What cost most in a week: sessions, and runs of no session."""

from __future__ import annotations

from typing import Final

from clustertrace.model import NS_PER_DAY
from clustertrace.review.record import Dear
from clustertrace.review.weeks import Window
from clustertrace.store.connection import Connection
from clustertrace.store.queries.periods import period
from clustertrace.understanding.spending import NONE

__all__ = ["dearest"]

_LISTED: Final = 10
_TRIED: Final = 20
"""Sessions that are added up exactly before all of them are."""

_OF_DAYS: Final = "FROM spending WHERE dimension = 'session' AND day >= ? AND day < ?"

_Session = tuple[float, str, int]
"""What it cost, its id, and how many of its calls have no price."""


def dearest(conn: Connection, given: Window) -> tuple[Dear, ...]:
    """The dearest sessions, and runs of no session."""
    found: list[tuple[float, str | None, bytes | None, int]] = []
    found += [(cost, name, None, unpriced) for cost, name, unpriced in _sessions(conn, given)]
    first, last = (2 * at // NS_PER_DAY for at in (given.start_ns, given.end_ns - 1))
    for half_day in range(first, last + 1):
        lone = conn.rows(
            "SELECT cost_usd, trace_id, unpriced_calls FROM traces WHERE session_id IS NULL"
            " AND half_day = ? AND start_ns >= ? AND start_ns < ? AND cost_usd > 0"
            " ORDER BY cost_usd DESC LIMIT ?",
            (half_day, given.start_ns, given.end_ns, _LISTED),
        )
        found += [(cost, None, key, unpriced) for cost, key, unpriced in lone]
    found.sort(key=lambda one: (-one[0], one[1] or "", one[2] or b""))
    return tuple(_about(conn, given, *one) for one in found[:_LISTED])


def _sessions(conn: Connection, given: Window) -> list[_Session]:
    """The dearest sessions.

    What a session cost in a week is at most what it cost on all days that the week touches. So
    those that come first by that are added up exactly; where another might still be among the
    dearest, all are.
    """
    first, last = (at // NS_PER_DAY for at in (given.start_ns, given.end_ns - 1))
    most = conn.rows(
        f"SELECT name, sum(cost_usd) AS cost {_OF_DAYS} AND name <> ? GROUP BY name"
        " ORDER BY cost DESC LIMIT ?",
        (first, last + 1, NONE, _TRIED + 1),
    )
    found = _exactly(conn, given, [name for name, _ in most[:_TRIED]])
    if len(most) > _TRIED and (len(found) < _LISTED or found[-1][0] < most[-1][1]):
        found = _exactly(conn, given, None)
    return found


def _exactly(conn: Connection, given: Window, names: list[str] | None) -> list[_Session]:
    """The dearest of these sessions, or of all."""
    pieces = period(given.start_ns, given.end_ns)
    marks = ", ".join("?" * len(names or ()))
    some = f"IN ({marks})" if names is not None else f"<> '{NONE}'"
    told = [f"SELECT name, cost_usd, unpriced_calls {_OF_DAYS} AND name {some}"]
    params: list[int | str] = [pieces.first_day, pieces.end_day, *(names or ())]
    for part in pieces.parts:
        told.append(
            f"SELECT session_id, {part.sign} * cost_usd, {part.sign} * unpriced_calls FROM traces"
            " WHERE start_ns >= ? AND start_ns < ? AND session_id IS NOT NULL"
            " AND variant_id IS NOT NULL"
            + (f" AND session_id {some}" if names is not None else " AND half_day = ?")
        )
        params += [part.start_ns, part.end_ns, *([part.half_day] if names is None else names)]
    return conn.rows(
        "SELECT round(sum(cost_usd), 12) AS cost, name, sum(unpriced_calls)"
        f" FROM ({' UNION ALL '.join(told)}) GROUP BY name HAVING round(sum(cost_usd), 12) > 0"
        " ORDER BY cost DESC, name LIMIT ?",
        (*params, _LISTED),
    )


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
        of_it = "session_id = ? AND start_ns >= ? AND start_ns < ? AND variant_id IS NOT NULL"
        params = (session, given.start_ns, given.end_ns)
        runs = conn.value(f"SELECT count(*) FROM traces WHERE {of_it}", params)
        key = conn.value(f"SELECT trace_id FROM traces WHERE {of_it} ORDER BY start_ns", params)
    row = conn.row("SELECT name, first_prompt FROM traces WHERE trace_id = ?", (key,))
    assert key is not None
    assert row is not None
    return Dear(session, key.hex(), row[0], row[1], runs, cost, unpriced)
