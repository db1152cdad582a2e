"""Clusters: where the failures are, said in a sentence, drawn in a bar, listed by pattern."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, patterns, rules, words
from clustertrace.app.empty import ways_in
from clustertrace.app.links import traces_url
from clustertrace.headline import headline
from clustertrace.patterns.statistics import wilson
from clustertrace.store import queries
from clustertrace.store.answers import ClusterPage, Overview
from clustertrace.store.queries import ClusterOrder

__all__ = ["draw"]

_ROWS: Final = 25
_ORDERS: Final[dict[str, ClusterOrder]] = {
    "Most failures": "failed",
    "Failure rate": "failure_rate",
    "Most runs": "count",
    "Cost": "cost_usd",
    "Latest": "last_ns",
}


def draw() -> None:
    """Draw the page."""
    with connection.read() as conn:
        totals = queries.overview(conn)
        worst = queries.clusters(conn, limit=_ROWS)
    if not totals.traces:
        st.html(ways_in("There are no traces yet, so there is nothing to group."))
        return
    st.html(markup.page(markup.heading(headline(worst)), _facts(totals)))
    if worst.failed:
        st.html(markup.page(patterns.failure_bar(worst), rules.section()))
    _list(totals, worst)


def _facts(totals: Overview) -> markup.Markup:
    where = words.zone(st.context.timezone)
    rate = wilson(totals.failed, totals.finished)
    parts = [
        markup.fact(words.count(totals.traces), "runs", href=traces_url()),
        markup.fact(
            f"{words.count(totals.failed)} failed",
            f"({words.share(totals.failed / max(1, totals.finished))}, 95 % interval "
            f"{words.interval(rate)})",
            href=traces_url(state="failed"),
        ),
    ]
    if totals.failed:
        parts += [
            markup.fact(
                words.count(totals.failed_by_outcome),
                "by a recorded outcome",
                href=traces_url(state="failed by outcome") if totals.failed_by_outcome else "",
            ),
            markup.fact(
                words.count(totals.failed_by_status),
                "by an error of the root span",
                href=traces_url(state="failed by error") if totals.failed_by_status else "",
            ),
        ]
    if totals.running + totals.incomplete:
        unfinished = f"{words.count(totals.running)} + {words.count(totals.incomplete)}"
        parts.append(
            markup.fact(unfinished, "running + incomplete", href=traces_url(state="running"))
        )
    parts.append(markup.fact(words.count(totals.variants), "patterns"))
    parts.append(
        markup.fact(
            words.cost(totals.cost_usd, totals.unpriced_calls),
            "spent",
            title=f"{words.count(totals.unpriced_calls)} model calls have no known price"
            if totals.unpriced_calls
            else None,
        )
    )
    if totals.first_ns is not None and totals.last_ns is not None:
        now = time.time_ns()
        window = [words.moment(ns, where, now) for ns in (totals.first_ns, totals.last_ns)]
        parts.append(markup.fact(" – ".join(window), "window"))
    return markup.facts(*parts)


def _list(totals: Overview, worst: ClusterPage) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.segmented_control(
            "Patterns by",
            list(_ORDERS),
            default="Most failures",
            required=True,
            key="by",
            bind="query-params",
        )
        st.space("stretch")
        pages = -(-worst.total // _ROWS)
        number = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    order = _ORDERS[chosen or "Most failures"]
    shown = worst
    if (order, number) != ("failed", 1):
        with connection.read() as conn:
            shown = queries.clusters(conn, order=order, limit=_ROWS, offset=(number - 1) * _ROWS)
    where, now = words.zone(st.context.timezone), time.time_ns()
    st.html(markup.page(patterns.table(shown.clusters, totals, where, now)))
