"""Sessions: conversations and what they cost, and one session as a timeline of turns."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from clustertrace.app import connection, empty, markup, session_timeline, words
from clustertrace.app.links import session_url, traces_url
from clustertrace.app.paging import page_count
from clustertrace.errors import NotFound
from clustertrace.filters import condition
from clustertrace.store import queries
from clustertrace.store.queries.conversing import SessionOrder, SessionRow
from clustertrace.telling.spending import spending_sentence

__all__ = ["draw"]

_ROWS: Final = 50
_ORDERS: Final[dict[str, SessionOrder]] = {
    "Latest": "last_ns",
    "Dearest": "cost_usd",
    "Most failures": "failed",
    "Most turns": "traces",
}


def draw() -> None:
    """Draw the session of `?id=`, or the list of all sessions."""
    session_id = st.query_params.get("id", "")
    if session_id:
        _draw_session(session_id)
    else:
        _draw_sessions()


def _draw_session(session_id: str) -> None:
    st.html(markup.page(markup.link("‹ All sessions", session_url(), cls="ct-muted")))
    try:
        with connection.read() as conn:
            row = queries.session(conn, session_id, limit=1).row
    except NotFound:
        sentence = "There is no such session; it may have been deleted, or the link was cut."
        st.html(markup.page(markup.notice(sentence)))
        return
    place = st.empty().container()
    page_number = _page(row.turns)
    with connection.read() as conn:
        session = queries.session(conn, session_id, limit=_ROWS, offset=(page_number - 1) * _ROWS)
        cache_breaks = queries.session_breaks(conn, session_id)
    with place:
        session_timeline.draw(session, cache_breaks, (page_number - 1) * _ROWS + 1)


def _draw_sessions() -> None:
    with connection.read() as conn:
        if not queries.has_traces(conn):
            st.html(empty.ways_in("There are no traces yet, so there are no sessions."))
            return
        session_count = queries.sessions(conn, limit=1).total
        total = queries.spending_in_sessions(conn)
    if not session_count:
        st.html(
            markup.page(
                markup.notice(
                    "No run belongs to a session. clustertrace.session(id) around your calls names "
                    "one, and so do OpenTelemetry's session.id and the histories of coding agents: "
                    "clustertrace import --from claude-code"
                )
            )
        )
        return
    st.html(
        markup.page(
            markup.heading(f"{words.counted(session_count, 'session')}."),
            markup.muted(f"All of them: {spending_sentence(total)}"),
        )
    )
    order = st.segmented_control(
        "Order", list(_ORDERS), default="Latest", required=True, key="by", bind="query-params"
    )
    place = st.empty().container()
    page_number = _page(session_count)
    with connection.read() as conn:
        page = queries.sessions(
            conn,
            order=_ORDERS[order],
            limit=_ROWS,
            offset=(page_number - 1) * _ROWS,
        )
    head = (
        "Session",
        "Project",
        "Turns",
        "Failed",
        "Spent",
        "From cache",
        "Lost to misses",
        "Last",
    )
    place.html(markup.page(markup.rows([_row(row) for row in page.rows], head)))


def _page(entries: int) -> int:
    pages = page_count(entries, _ROWS)
    return st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1


def _row(row: SessionRow) -> tuple[object, ...]:
    zone, now = words.zone(st.context.timezone), time.time_ns()
    measures = row.measures
    failed = traces_url(condition("session", row.session_id), "failed:yes")
    return (
        markup.link(session_timeline.title(row), session_url(row.session_id)),
        row.project or "",
        words.count(row.turns),
        markup.link(words.count(row.failed), failed) if row.failed else "",
        markup.unbroken(words.cost(row.cost_usd, measures.unpriced_calls)),
        words.share(round(measures.hit_rate, 3)) if measures.input_tokens else "",
        markup.unbroken(words.money(measures.lost_usd)) if measures.missed_tokens else "",
        markup.unbroken(words.moment(row.last_ns, zone, now)),
    )
