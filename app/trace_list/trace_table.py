"""A list of traces as a table: sorted and paged in the database; a click opens the trace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.filter_bar.filters import Query
from clustertrace.app.links import follow, follower, pattern_url, trace_url
from clustertrace.app.paging import page_count, requested_page
from clustertrace.app.trace_list import bulk, trace_columns
from clustertrace.app.trace_list.trace_columns import ORDERS, STAR
from clustertrace.store import queries
from clustertrace.store.answers import TracePage, TraceRow
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces

__all__ = ["show"]

_ROWS: Final = 50
_PAGE_PIXELS: Final = 48
_PAGES_SHOWN: Final = 8
_MAX_PAGES: Final = queries.COUNTED // _ROWS
"""The last page that can be reached; beyond it, users should write a filter."""

_TAG_KEYS: Final = 200
_CLICKS: Final = "clicks in the table"
_CACHED: Final = "held traces"
_TO_STAR: Final = "to star"
_PATIENCE_SECONDS: Final = 5
_REST_FACTOR: Final = 20
"""A query is repeated only after so many times its own duration."""


class _View(NamedTuple):
    """What is on screen: which traces, in which order, which page."""

    texts: tuple[str, ...]
    order: str
    descending: bool
    number: int
    clicks: int
    """Counts clicks: each gives the table a new key, which clears its selection."""


class _CachedPage(NamedTuple):
    """The rows on screen, when they were read, and how long that took."""

    view: _View
    page: TracePage
    at: float
    took: float


def show(query: Query, empty_text: str) -> None:
    """Draw the traces of the query, or `empty_text` if there are none."""
    if starring := st.session_state.pop(_TO_STAR, None):
        trace_id, starred = starring
        annotate_traces(connection.store(), [trace_id], TraceEdit(starred=starred))
        st.session_state.pop(_CACHED, None)
    order, descending = _requested_order()
    view = _View(
        query.texts,
        order,
        descending,
        min(_MAX_PAGES, requested_page()),
        st.session_state.get(_CLICKS, 0),
    )
    page = _read_page(query, view)
    # How many pages there are is known only after the query for one of them.
    if page.total and not page.rows:
        view = view._replace(number=1)
        page = _read_page(query, view)
    tags = _draw_toolbar(page, _selected_ids(view, page.rows))
    if page.rows:
        _draw_table(page.rows, view, tags)
    else:
        st.html(markup.notice(empty_text))


def _requested_order() -> tuple[str, bool]:
    order = st.query_params.get("sort", "started")
    return order if order in ORDERS else "started", st.query_params.get("way") != "up"


def _read_page(query: Query, view: _View) -> TracePage:
    """The page of rows; what is on screen stays while rows are selected."""
    cached: _CachedPage | None = st.session_state.get(_CACHED)
    started = time.monotonic()
    if cached and cached.view == view:
        is_recent = started < cached.at + _REST_FACTOR * cached.took
        if is_recent or _selected_ids(view, cached.page.rows):
            return cached.page
    with connection.read() as conn, conn.within(_PATIENCE_SECONDS):
        page = queries.traces(
            conn,
            query.where,
            order=ORDERS[view.order],
            descending=view.descending,
            limit=_ROWS,
            offset=(view.number - 1) * _ROWS,
        )
    finished = time.monotonic()
    st.session_state[_CACHED] = _CachedPage(view, page, finished, finished - started)
    return page


def _widget_key(view: _View) -> str:
    return f"traces {hash(view):x}"


def _selected_ids(view: _View, rows: Sequence[TraceRow]) -> list[str]:
    """The ids of the ticked rows."""
    state = st.session_state.get(_widget_key(view))
    ticked = state.selection.rows if state else []
    return [rows[at].trace_id for at in ticked if at < len(rows)]


def _draw_toolbar(page: TracePage, ticked: Sequence[str]) -> Sequence[str]:
    """Draw the count or the bulk actions, and the pagination.

    Returns the tags that are shown as columns.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        if ticked:
            if bulk.bar(ticked):
                _refresh()
        else:
            total = f"{words.count(page.total)}{'+' if page.more else ''}"
            noun = "trace" if total == "1" else "traces"
            st.html(markup.page(markup.facts(markup.fact(total, noun))), width="content")
        st.space("stretch")
        pages = min(_MAX_PAGES, page_count(page.total, _ROWS))
        if pages > 1:
            # Left to itself in a row, it would shrink to the number of this page.
            width = _PAGE_PIXELS * (min(pages, _PAGES_SHOWN) + 2)
            st.pagination(pages, key="page", bind="query-params", width=width)
        return _tag_columns()


def _tag_columns() -> Sequence[str]:
    with connection.read() as conn:
        keys = queries.tag_keys(conn, _TAG_KEYS)
    with st.popover("Columns", icon=":material/view_column:"):
        return st.multiselect(
            "Tags as columns",
            keys,
            key="col",
            bind="query-params",
            select_all=False,
            placeholder="none",
        )


def _refresh() -> None:
    """Look again, with nothing selected."""
    st.session_state.pop(_CACHED, None)
    st.session_state[_CLICKS] = st.session_state.get(_CLICKS, 0) + 1
    st.rerun(scope="fragment")


def _draw_table(rows: Sequence[TraceRow], view: _View, tags: Sequence[str]) -> None:
    zone, now = words.zone(st.context.timezone), time.time_ns()
    key = _widget_key(view)
    follower()
    st.dataframe(
        trace_columns.columns(rows, zone, now, tags),
        key=key,
        column_config=trace_columns.config(view.order, tags, descending=view.descending),
        hide_index=True,
        height="content",
        selection_mode=["multi-row", "single-cell", "single-column"],
        on_select=lambda: _on_select(st.session_state[key].selection, rows, view),
        alt="Traces",
    )


def _on_select(selection: Any, rows: Sequence[TraceRow], view: _View) -> None:
    """A click on a cell opens its trace or pattern, or stars it; a click on a title sorts."""
    if selection.cells:
        index, column = selection.cells[0]
        row = rows[index]
        if column == STAR:
            st.session_state[_TO_STAR] = (row.trace_id, not row.starred)
            st.session_state[_CLICKS] = view.clicks + 1
        elif column == "pattern" and row.variant:
            follow(pattern_url(row.variant))
        else:
            follow(trace_url(row.trace_id))
    elif selection.columns:
        st.session_state[_CLICKS] = view.clicks + 1
        column = selection.columns[0]
        if column in ORDERS:
            st.query_params["sort"] = column
            direction = "up" if column == view.order and view.descending else "down"
            st.query_params["way"] = direction
