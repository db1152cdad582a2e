"""Questions about conversations: which there are, and what one of them did, turn by turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, get_args

from clustertrace.errors import NotFound, UsageError
from clustertrace.model import MODEL_KINDS, Span
from clustertrace.patterns.signature import in_order, root_of
from clustertrace.store.answers import TraceRow
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.queries.costing import measures_of_sessions
from clustertrace.store.queries.listing import of_session
from clustertrace.store.settling.spending import shares_of
from clustertrace.store.slim_spans import slim_spans
from clustertrace.understanding.calls import repeats
from clustertrace.understanding.spending import Break, Measures, breaks

__all__ = [
    *("Session", "SessionOrder", "SessionPage", "SessionRow", "Turn"),
    *("session", "session_breaks", "sessions"),
]

SessionOrder = Literal["last_ns", "cost_usd", "failed", "traces"]

_ORDERS: Final = get_args(SessionOrder)
_TURNS_LOOKED_AT: Final = 200
"""Turns of a session that are looked through for missed caches, the newest."""


class SessionRow(NamedTuple):
    """One line of a list of sessions."""

    session_id: str
    turns: int
    failed: int
    cost_usd: float
    first_ns: int
    last_ns: int
    """When its last turn began."""
    first_prompt: str | None
    project: str | None
    """The folder that it ran in, else what ran."""
    measures: Measures


class SessionPage(NamedTuple):
    """Some of the sessions, and how many there are."""

    rows: tuple[SessionRow, ...]
    total: int


class Turn(NamedTuple):
    """One run of a session, and what it spent."""

    trace: TraceRow
    measures: Measures


class Session(NamedTuple):
    """A session and some of its turns, in order."""

    row: SessionRow
    turns: tuple[Turn, ...]


def sessions(
    conn: Connection, *, order: SessionOrder = "last_ns", limit: int = 50, offset: int = 0
) -> SessionPage:
    """A page of sessions, latest, dearest, or worst first. Raises UsageError for another order."""
    if order not in _ORDERS:
        raise UsageError(f"Sessions can be ordered by {', '.join(_ORDERS)}, not by {order}.")
    rows = conn.rows(
        "SELECT session_id, traces, failed, cost_usd, first_ns, last_ns FROM sessions"
        f" WHERE last_ns IS NOT NULL ORDER BY {order} DESC, session_id LIMIT ? OFFSET ?",
        (limit, offset),
    )
    total = conn.value("SELECT count(*) FROM sessions WHERE last_ns IS NOT NULL")
    return SessionPage(_session_rows(conn, rows), total)


def session(conn: Connection, session_id: str, *, limit: int = 50, offset: int = 0) -> Session:
    """A session with `limit` of its turns, oldest first. Raises NotFound."""
    rows = conn.rows(
        "SELECT session_id, traces, failed, cost_usd, first_ns, last_ns FROM sessions"
        " WHERE session_id = ? AND last_ns IS NOT NULL",
        (session_id,),
    )
    if not rows:
        raise NotFound(f"There is no session {session_id}.")
    [row] = _session_rows(conn, rows)
    trace_rows = of_session(conn, session_id, limit=limit, offset=offset)
    marks = placeholders(trace_rows)
    spending_rows = conn.rows(
        f"SELECT trace_id, shares FROM trace_spending WHERE trace_id IN ({marks})",
        [bytes.fromhex(trace.trace_id) for trace in trace_rows],
    )
    spent = {key.hex(): shares_of(shares).get(("total", "")) for key, shares in spending_rows}
    turns = (Turn(trace, spent.get(trace.trace_id) or Measures()) for trace in trace_rows)
    return Session(row, tuple(turns))


def session_breaks(conn: Connection, session_id: str) -> tuple[Break, ...]:
    """The calls of a session's newest turns that missed the cache, in order."""
    keys = [
        row[0]
        for row in conn.rows(
            "SELECT trace_id FROM traces WHERE session_id = ? AND variant_id IS NOT NULL"
            " ORDER BY start_ns DESC LIMIT ?",
            (session_id, _TURNS_LOOKED_AT),
        )
    ]
    spans: list[Span] = []
    counted: set[str] = set()
    roots: set[str] = set()
    for trace_spans in slim_spans(conn, keys).values():
        ordered = in_order(trace_spans)
        repeated = repeats(ordered)
        spans += ordered
        roots.add(root_of(ordered).span_id)
        counted.update(span.span_id for span in ordered if span.span_id not in repeated)
    spans = in_order(spans)
    calls = [span for span in spans if span.kind in MODEL_KINDS and span.span_id in counted]
    return tuple(breaks(calls, spans, roots))


def _session_rows(conn: Connection, rows: Sequence[Sequence[Any]]) -> tuple[SessionRow, ...]:
    ids = [row[0] for row in rows]
    spent, beginnings = measures_of_sessions(conn, ids), _beginnings(conn, ids)
    return tuple(
        SessionRow._make((*row, *beginnings[row[0]], spent.get(row[0]) or Measures()))
        for row in rows
    )


def _beginnings(conn: Connection, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    """What each session began with, and where it ran."""
    marks = placeholders(ids)
    rows = conn.rows(
        "SELECT s.session_id, (SELECT first_prompt FROM traces WHERE session_id = s.session_id"
        " AND first_prompt IS NOT NULL AND variant_id IS NOT NULL ORDER BY start_ns LIMIT 1),"
        " (SELECT value FROM trace_tags WHERE trace_id = (SELECT trace_id FROM traces"
        " WHERE session_id = s.session_id AND variant_id IS NOT NULL"
        " ORDER BY start_ns DESC LIMIT 1) AND key IN ('folder', 'service') ORDER BY key LIMIT 1)"
        f" FROM sessions s WHERE s.session_id IN ({marks})",
        ids,
    )
    return {session_id: (first_prompt, project) for session_id, first_prompt, project in rows}
