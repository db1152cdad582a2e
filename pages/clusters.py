"""Clusters: where the failures are, as a sentence, a bar, and a list by family."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.clusters import cluster_facts, families, patterns, rules
from clustertrace.app.clusters.patterns import RowContext
from clustertrace.app.filter_bar import filters
from clustertrace.app.guard import guarded
from clustertrace.app.paging import page_count, requested_page
from clustertrace.app.trace_list import first_screen
from clustertrace.filters import Filter, both
from clustertrace.store import queries
from clustertrace.store.connection import Connection
from clustertrace.store.queries import ClusterOrder
from clustertrace.telling.headline import headline

__all__ = ["draw"]

_REFRESH_SECONDS = 2
_ROWS: Final = 25
_ORDERS: Final[dict[str, ClusterOrder]] = {
    "Most failures": "failed",
    "Failure rate": "failure_rate",
    "Most runs": "count",
    "Cost": "cost_usd",
    "Latest": "last_ns",
}
_FAMILIES: Final = "Families"
_PATTERNS: Final = "Patterns"

_ReadRows = Callable[
    [Connection, Filter | None, ClusterOrder, int, RowContext], tuple[int, markup.Markup]
]
"""Reads the total number of rows, and the table of one page of them, by its number from 1."""


def draw() -> None:
    """Draw the page."""
    with connection.read() as conn:
        empty = not queries.has_traces(conn)
    if empty:
        first_screen.show("There are no traces yet, so there is nothing to group.")
        return
    query = filters.current()
    if query is None:
        return
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        grouping = st.segmented_control(
            "Show",
            (_FAMILIES, _PATTERNS),
            default=_FAMILIES,
            required=True,
            key="show",
            bind="query-params",
        )
        order = st.segmented_control(
            "Ordered by",
            list(_ORDERS),
            default="Most failures",
            required=True,
            key="by",
            bind="query-params",
        )
    filter_text = both(*query.texts)
    with above:
        _draw_summary(query.where, filter_text)
    read_rows = _pattern_rows if grouping == _PATTERNS else _family_rows
    _draw_list(query.where, filter_text, read_rows, _ORDERS[order or "Most failures"])


@st.fragment(run_every=_REFRESH_SECONDS)
@guarded
def _draw_summary(where: Filter | None, filter_text: str) -> None:
    """Draw the headline, the facts, the bar, and what failing runs share."""
    with connection.read() as conn:
        totals = queries.overview(conn)
        worst = queries.clusters(conn, where, limit=_ROWS)
    facts = (
        cluster_facts.all_facts(totals)
        if where is None
        else cluster_facts.filtered_facts(worst, filter_text)
    )
    st.html(markup.page(markup.heading(headline(worst, filtered=where is not None)), facts))
    if worst.failed:
        st.html(markup.page(patterns.failure_bar(worst, filter_text)))
        rules.draw(totals, worst.expected, where, filter_text)


@st.fragment(run_every=_REFRESH_SECONDS)
@guarded
def _draw_list(
    where: Filter | None, filter_text: str, read_rows: _ReadRows, order: ClusterOrder
) -> None:
    number = requested_page()
    with connection.read() as conn:
        context = RowContext(
            queries.overview(conn), words.zone(st.context.timezone), time.time_ns(), filter_text
        )
        total, table = read_rows(conn, where, order, number, context)
        if total and number > page_count(total, _ROWS):
            total, table = read_rows(conn, where, order, 1, context)
    if not total:
        st.html(markup.notice("No finished run matches; widen the filter above."))
        return
    if total > _ROWS:
        st.pagination(page_count(total, _ROWS), key="page", bind="query-params")
    st.html(markup.page(table))


def _pattern_rows(
    conn: Connection, where: Filter | None, order: ClusterOrder, number: int, context: RowContext
) -> tuple[int, markup.Markup]:
    page = queries.clusters(conn, where, order=order, limit=_ROWS, offset=(number - 1) * _ROWS)
    return page.total, patterns.table(page.clusters, context)


def _family_rows(
    conn: Connection, where: Filter | None, order: ClusterOrder, number: int, context: RowContext
) -> tuple[int, markup.Markup]:
    page = queries.families(conn, where, order=order, limit=_ROWS, offset=(number - 1) * _ROWS)
    members = families.members(conn, where, page.families)
    return page.total, families.table(page.families, members, context)
