"""Traces: every run as it comes in, newest first."""

from __future__ import annotations

import streamlit as st

from clustertrace.app import connection
from clustertrace.app.filter_bar import filters
from clustertrace.app.filter_bar.filters import Query
from clustertrace.app.guard import guarded
from clustertrace.app.trace_list import first_screen, trace_table
from clustertrace.store import queries

__all__ = ["draw"]

_REFRESH_SECONDS = 2


def draw() -> None:
    """Draw the page."""
    with connection.read() as conn:
        empty = not queries.has_traces(conn)
    if empty:
        first_screen.show("There are no traces yet. The first one shows up here by itself.")
        return
    query = filters.current()
    if query:
        _live(query)


@st.fragment(run_every=_REFRESH_SECONDS)
@guarded
def _live(query: Query) -> None:
    trace_table.show(query, "No trace matches; remove a condition from the filter above.")
