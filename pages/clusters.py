"""Clusters: where the failures are, said in a sentence, drawn in a bar, listed by family."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.clusters import cluster_facts, families, patterns, rules
from clustertrace.app.clusters.patterns import Look
from clustertrace.app.filter_bar import filters
from clustertrace.app.guard import guarded
from clustertrace.app.paging import asked_page
from clustertrace.app.trace_list import first_screen
from clustertrace.filters import Filter, both
from clustertrace.store import queries
from clustertrace.store.connection import Connection
from clustertrace.store.queries import ClusterOrder
from clustertrace.telling.headline import headline

__all__ = ["draw"]

_LOOK_AGAIN_SECONDS = 2
_ROWS: Final = 25
_ORDERS: Final[dict[str, ClusterOrder]] = {
    "Most failures": "failed",
    "Failure rate": "failure_rate",
    "Most runs": "count",
    "Cost": "cost_usd",
    "Latest": "last_ns",
}
_GROUPS: Final = ("Families", "Patterns")


def draw() -> None:
    """Draw the page."""
    with connection.read() as conn:
        empty = not queries.has_traces(conn)
    if empty:
        first_screen.show("There are no traces yet, so there is nothing to group.")
        return
    asked = filters.current()
    if asked is None:
        return
    above = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        grouped = st.segmented_control(
            "Show", _GROUPS, default=_GROUPS[0], required=True, key="show", bind="query-params"
        )
        chosen = st.segmented_control(
            "Ordered by",
            list(_ORDERS),
            default="Most failures",
            required=True,
            key="by",
            bind="query-params",
        )
    q = both(*asked.texts)
    with above:
        _above(asked.where, q)
    _list(asked.where, q, grouped != _GROUPS[1], _ORDERS[chosen or "Most failures"])


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@guarded
def _above(where: Filter | None, q: str) -> None:
    """The sentence, the facts, the bar, and what failing runs share."""
    with connection.read() as conn:
        totals = queries.overview(conn)
        worst = queries.clusters(conn, where, limit=_ROWS)
    facts = cluster_facts.everything(totals) if where is None else cluster_facts.some(worst, q)
    st.html(markup.page(markup.heading(headline(worst, filtered=where is not None)), facts))
    if worst.failed:
        st.html(markup.page(patterns.failure_bar(worst, q)))
    if worst.failed and where is None:
        rules.draw(totals)


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@guarded
def _list(where: Filter | None, q: str, by_family: bool, order: ClusterOrder) -> None:
    number = asked_page()
    with connection.read() as conn:
        look = Look(queries.overview(conn), words.zone(st.context.timezone), time.time_ns(), q)
        total, shown = _rows(conn, where, by_family, order, number, look)
        if total and number > -(-total // _ROWS):
            total, shown = _rows(conn, where, by_family, order, 1, look)
    if not total:
        st.html(markup.notice("No finished run matches; widen the filter above."))
        return
    if total > _ROWS:
        st.pagination(-(-total // _ROWS), key="page", bind="query-params")
    st.html(markup.page(shown))


def _rows(
    conn: Connection,
    where: Filter | None,
    by_family: bool,
    order: ClusterOrder,
    number: int,
    look: Look,
) -> tuple[int, markup.Markup]:
    """How many rows there are, and those of one page."""
    offset = (number - 1) * _ROWS
    if not by_family:
        listed = queries.clusters(conn, where, order=order, limit=_ROWS, offset=offset)
        return listed.total, patterns.table(listed.clusters, look)
    grouped = queries.families(conn, where, order=order, limit=_ROWS, offset=offset)
    below = families.members(conn, where, grouped.families)
    return grouped.total, families.table(grouped.families, below, look)
