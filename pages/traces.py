"""Traces: every run as it comes in, newest first."""

from __future__ import annotations

import streamlit as st

from clustertrace.app import connection, downloads, filters, saved_filters, trace_table
from clustertrace.app.empty import ways_in
from clustertrace.app.filters import Asked
from clustertrace.app.guard import guarded
from clustertrace.store import queries

__all__ = ["draw"]

_LOOK_AGAIN_SECONDS = 2


def draw() -> None:
    """Draw the page."""
    with connection.read() as conn:
        empty = not queries.traces(conn, limit=1).rows
    if empty:
        _wait_for_the_first()
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container():
            asked = filters.bar()
        texts = asked.texts if asked else ()
        saved_filters.menu(texts)
        tags = _columns()
        if asked:
            downloads.menu(asked)
    if asked:
        _live(asked, tags)


def _columns() -> tuple[str, ...]:
    with connection.read() as conn:
        keys = queries.tag_keys(conn, 200)
    with st.popover("Columns", icon=":material/view_column:"):
        chosen = st.multiselect(
            "Tags as columns", keys, key="col", bind="query-params", placeholder="none"
        )
    return tuple(chosen)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@guarded
def _live(asked: Asked, tags: tuple[str, ...]) -> None:
    trace_table.show(asked, "No trace matches; take a condition out of the filter above.", tags)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@guarded
def _wait_for_the_first() -> None:
    with connection.read() as conn:
        arrived = bool(queries.traces(conn, limit=1).rows)
    if arrived:
        st.rerun()
    st.html(ways_in("There are no traces yet. The first one shows up here by itself."))
