"""Metrics: the numbers that runs were given, as a table and over time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from clustertrace.app import connection, markup, metric_chart, words
from clustertrace.app.empty import ways_in
from clustertrace.app.filter_bar import filters
from clustertrace.app.links import pattern_url, trace_url
from clustertrace.patterns.statistics import p95
from clustertrace.store import queries
from clustertrace.store.queries.measuring import NEWEST, Measured

if TYPE_CHECKING:
    from clustertrace.filters import Filter
    from clustertrace.store.connection import Connection

__all__ = ["draw"]

_SPARK: Final = 60
_LISTED: Final = 20
_PATIENCE_SECONDS: Final = 5


def draw() -> None:
    """Draw the page."""
    asked = filters.current()
    if asked is None:
        return
    with connection.read() as conn, conn.within(_PATIENCE_SECONDS):
        if not queries.has_traces(conn):
            st.html(ways_in("There are no traces yet, so there is nothing to measure."))
            return
        names = queries.metric_names(conn)
        tags = queries.tag_keys(conn)
        found = _values(conn, asked.where, names)
    if not names:
        st.html(
            markup.notice(
                "No run has a metric yet; call clustertrace.metric(name, number) inside a run."
            )
        )
        return
    if not found:
        st.html(markup.notice("No run that matches has a metric; widen the filter above."))
        return
    st.html(markup.page(markup.heading(_sentence(found))))
    st.dataframe(
        [_row(name, found[name]) for name in found],
        column_config={
            "metric": "Metric",
            "values": "Values",
            "mean": st.column_config.NumberColumn("Mean", format="%.4g"),
            "median": st.column_config.NumberColumn("Median", format="%.4g"),
            "p95": st.column_config.NumberColumn("p95", format="%.4g"),
            "trend": st.column_config.LineChartColumn("Latest", width="medium"),
        },
        hide_index=True,
        alt="Metrics",
    )
    with st.container(horizontal=True):
        name = st.selectbox("Metric", list(found), key="name", bind="query-params", width=320)
        groups = ["outcome", "pattern", *(f"tag.{key}" for key in tags)]
        by = st.selectbox("Coloured by", groups, key="by", bind="query-params", width=320)
    _one(name, found[name], by)


def _values(
    conn: Connection, where: Filter | None, names: Sequence[str]
) -> dict[str, list[Measured]]:
    if where is not None:
        return queries.matching_metrics(conn, where)
    found = {name: queries.metric_values(conn, name) for name in names}
    return {name: values for name, values in found.items() if values}


def _sentence(found: dict[str, list[Measured]]) -> str:
    values = sum(map(len, found.values()))
    return f"{words.counted(len(found), 'metric')} with {words.counted(values, 'value')}."


def _row(name: str, values: Sequence[Measured]) -> dict[str, Any]:
    numbers = [one.value for one in values]
    return {
        "metric": name,
        "values": len(numbers) if len(numbers) < NEWEST else NEWEST,
        "mean": statistics.fmean(numbers),
        "median": statistics.median(numbers),
        "p95": p95(numbers),
        "trend": numbers[-_SPARK:],
    }


def _one(name: str, values: Sequence[Measured], by: str) -> None:
    st.html(markup.page(markup.subheading(metric_chart.sentence(name, values))))
    picked = metric_chart.draw(name, values, _groups(values, by))
    shown = [one for one in values if one.trace_id in picked] if picked else list(values)
    said = f"{words.counted(len(shown), 'run')} in the marked part" if picked else "The latest runs"
    where, now = words.zone(st.context.timezone), time.time_ns()
    rows = [
        (
            markup.link(words.moment(one.time_ns, where, now), trace_url(one.trace_id)),
            f"{one.value:g}",
            _state(one.failed),
            markup.link(one.pattern[:6], pattern_url(one.pattern)) if one.pattern else "",
        )
        for one in reversed(shown[-_LISTED:])
    ]
    st.html(
        markup.page(
            markup.subheading(f"{said}, newest first"),
            markup.muted(
                f"The line is the mean of {metric_chart.ROLLING} values. Drag over the chart to "
                "mark a part of it; a double click clears it."
            ),
            markup.rows(rows, ("Run", name, "Outcome", "Pattern")),
        )
    )
    if len(values) >= NEWEST:
        st.html(markup.page(markup.muted(f"The newest {NEWEST:,} values are shown.")))


def _state(failed: bool | None) -> markup.Markup:
    if failed:
        return markup.tag("span", "✕ failed", cls="ct-state ct-failed")
    return markup.muted(metric_chart.STATES[failed])


def _groups(values: Sequence[Measured], by: str) -> list[str] | None:
    """What each value is coloured by; None: by outcome."""
    if by == "outcome":
        return None
    if by == "pattern":
        return [(one.pattern or "no pattern")[:10] for one in values]
    key = by.removeprefix("tag.")
    with connection.read() as conn:
        told = queries.tags_of(conn, list({one.trace_id for one in values}), key)
    return [told.get(one.trace_id, "none") for one in values]
