"""Traces: every run as it comes in, newest first."""

from __future__ import annotations

import streamlit as st

from clustertrace.app import connection, filters, markup, trace_table
from clustertrace.app.empty import ways_in
from clustertrace.app.guard import guarded
from clustertrace.app.links import pattern_url, url
from clustertrace.store import queries
from clustertrace.store.answers import TraceFilter

__all__ = ["draw"]

_LOOK_AGAIN_SECONDS = 2


def draw() -> None:
    """Draw the page."""
    with connection.read() as conn:
        empty = not queries.traces(conn, limit=1).rows
    if empty:
        _wait_for_the_first()
        return
    where = filters.bar()
    if where.variant or where.session:
        st.html(markup.page(_narrowed(where)))
    _live(where)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@guarded
def _live(where: TraceFilter) -> None:
    trace_table.show(where, "No trace matches; widen the filters above.")


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@guarded
def _wait_for_the_first() -> None:
    with connection.read() as conn:
        arrived = bool(queries.traces(conn, limit=1).rows)
    if arrived:
        st.rerun()
    st.html(ways_in("There are no traces yet. The first one shows up here by itself."))


def _narrowed(where: TraceFilter) -> markup.Markup:
    parts: list[object] = []
    if where.variant:
        shown = markup.link(where.variant[:6], pattern_url(where.variant))
        parts += ["Only pattern ", shown, ". "]
    if where.session:
        parts += ["Only session ", markup.tag("b", where.session), ". "]
    rest = {
        name: value
        for name, value in st.query_params.items()
        if name not in ("pattern", "session", "page")
    }
    return markup.tag("div", *parts, markup.link("Show all", url("", rest), cls="ct-more"))
