"""One pattern: its steps, how often it fails, and the traces that took it."""

from __future__ import annotations

import time
from datetime import tzinfo

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.clusters import explanation, judging, patterns
from clustertrace.app.filter_bar import filters
from clustertrace.app.filter_bar.filters import Query
from clustertrace.app.guard import guarded
from clustertrace.app.links import traces_url, url
from clustertrace.app.trace_list import trace_table
from clustertrace.errors import Ambiguous, NotFound
from clustertrace.store import queries
from clustertrace.store.answers import Cluster
from clustertrace.telling.words import shortened

__all__ = ["draw"]

_REFRESH_SECONDS = 2
_NAME_SHOWN = 120
_STATES = {"any state": "", "failed": "failed:yes", "not failed": "failed:no"}


def draw() -> None:
    """Draw the page of `?id=`."""
    back = markup.tag("div", markup.link("‹ All patterns", url("clusters"), cls="ct-muted"))
    try:
        with connection.read() as conn:
            cluster = queries.cluster(conn, st.query_params.get("id", ""))
            totals = queries.overview(conn)
    except NotFound as error:
        sentence = "There is no such pattern; its traces may have been deleted."
        if isinstance(error, Ambiguous):
            sentence = str(error)
        st.html(markup.page(markup.notice(sentence), back))
        return
    zone, now = words.zone(st.context.timezone), time.time_ns()
    st.html(
        markup.page(
            back,
            markup.heading(_sentence(cluster)),
            markup.chips(cluster.steps, limit=60),
            _facts(cluster, zone, now),
            patterns.spark(cluster, totals, tall=True),
            markup.muted(
                "Runs by day, red where they failed; from "
                f"{words.moment(totals.first_ns or 0, zone, now)} to "
                f"{words.moment(totals.last_ns or 0, zone, now)}."
            ),
        )
    )
    judging.draw(cluster)
    explanation.draw(cluster)
    chosen = st.segmented_control(
        "Traces",
        list(_STATES),
        default="any state",
        required=True,
        key="state",
        bind="query-params",
    )
    _live(filters.query(f"pattern:{cluster.id}", _STATES[chosen or "any state"]))


@st.fragment(run_every=_REFRESH_SECONDS)
@guarded
def _live(query: Query) -> None:
    trace_table.show(query, "No trace of this pattern is in that state.")


def _sentence(cluster: Cluster) -> str:
    runs = words.counted(cluster.count, "run")
    name = words.in_line(shortened(cluster.name, _NAME_SHOWN))
    if not cluster.failed:
        return f"{name}: none of {runs} that took these steps failed."
    return (
        f"{name}: {words.count(cluster.failed)} of {runs} that took these steps failed "
        f"({words.share(round(cluster.failure_rate, 2))})."
    )


def _facts(cluster: Cluster, zone: tzinfo, now_ns: int) -> markup.Markup:
    pattern_condition = f"pattern:{cluster.id}"
    failed = markup.fact(
        words.count(cluster.failed),
        f"failed, {patterns.who_says(cluster)}",
        href=traces_url(pattern_condition, "failed:yes"),
    )
    return markup.facts(
        markup.number(
            cluster.count, "finished run", href=traces_url(pattern_condition, "finished:yes")
        ),
        *([failed] if cluster.failed else []),
        markup.fact(words.interval(cluster.interval), "failure rate, 95 % interval"),
        markup.fact(
            words.share(round(cluster.share_of_failures, 2)),
            "of all failures",
            href=traces_url("failed:yes"),
        ),
        markup.fact(words.about_duration(cluster.p50_ns), "typically (p50)"),
        markup.fact(words.about_duration(cluster.p95_ns), "at the slow end (p95)"),
        markup.spent(cluster.cost_usd, cluster.unpriced_calls),
        markup.fact(words.moment(cluster.first_ns, zone, now_ns), "first seen"),
        markup.fact(words.moment(cluster.last_ns, zone, now_ns), "last seen"),
        markup.fact(cluster.id, "id"),
        markup.fact(
            cluster.family[:6],
            "family",
            href=url("clusters", {"open": cluster.family}),
            title="A family groups patterns that are nearly the same.",
        ),
    )
