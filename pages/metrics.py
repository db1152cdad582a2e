"""Metrics: numbers that programs attached to their runs, as a table and over time."""

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
_RUNS_LISTED: Final = 20
_PATIENCE_SECONDS: Final = 5


def draw() -> None:
    """Draw the page."""
    query = filters.current()
    if query is None:
        return
    with connection.read() as conn, conn.within(_PATIENCE_SECONDS):
        if not queries.has_traces(conn):
            st.html(ways_in("There are no traces yet, so there is nothing to measure."))
            return
        names = queries.metric_names(conn)
        tags = queries.tag_keys(conn)
        metrics = _values(conn, query.where, names)
    if not names:
        st.html(
            markup.notice(
                "No run has a metric yet; call clustertrace.metric(name, number) inside a run."
            )
        )
        return
    if not metrics:
        st.html(markup.notice("No run that matches has a metric; widen the filter above."))
        return
    st.html(markup.page(markup.heading(_sentence(metrics))))
    st.dataframe(
        [_row(name, metrics[name]) for name in metrics],
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
        name = st.selectbox("Metric", list(metrics), key="name", bind="query-params", width=320)
        groups = ["outcome", "pattern", *(f"tag.{key}" for key in tags)]
        by = st.selectbox("Coloured by", groups, key="by", bind="query-params", width=320)
    _draw_metric(name, metrics[name], by)


def _values(
    conn: Connection, where: Filter | None, names: Sequence[str]
) -> dict[str, list[Measured]]:
    if where is not None:
        return queries.matching_metrics(conn, where)
    metrics = {name: queries.metric_values(conn, name) for name in names}
    return {name: values for name, values in metrics.items() if values}


def _sentence(metrics: dict[str, list[Measured]]) -> str:
    values = sum(map(len, metrics.values()))
    return f"{words.counted(len(metrics), 'metric')} with {words.counted(values, 'value')}."


def _row(name: str, values: Sequence[Measured]) -> dict[str, Any]:
    numbers = [point.value for point in values]
    return {
        "metric": name,
        "values": len(numbers) if len(numbers) < NEWEST else NEWEST,
        "mean": statistics.fmean(numbers),
        "median": statistics.median(numbers),
        "p95": p95(numbers),
        "trend": numbers[-_SPARK:],
    }


def _draw_metric(name: str, values: Sequence[Measured], by: str) -> None:
    st.html(markup.page(markup.subheading(metric_chart.sentence(name, values))))
    picked = metric_chart.draw(name, values, _groups(values, by))
    shown = [point for point in values if point.trace_id in picked] if picked else list(values)
    title = (
        f"{words.counted(len(shown), 'run')} in the marked part" if picked else "The latest runs"
    )
    zone, now = words.zone(st.context.timezone), time.time_ns()
    rows = [
        (
            markup.link(words.moment(point.time_ns, zone, now), trace_url(point.trace_id)),
            f"{point.value:g}",
            _state(point.failed),
            markup.link(point.pattern[:6], pattern_url(point.pattern)) if point.pattern else "",
        )
        for point in reversed(shown[-_RUNS_LISTED:])
    ]
    st.html(
        markup.page(
            markup.muted(
                f"The line is the mean of {metric_chart.ROLLING} values. Drag over the chart to "
                "mark a part of it; a double click clears it."
            ),
            markup.subheading(f"{title}, newest first"),
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
    """The group that colours each value; None to colour by outcome."""
    if by == "outcome":
        return None
    if by == "pattern":
        return [(point.pattern or "no pattern")[:10] for point in values]
    key = by.removeprefix("tag.")
    with connection.read() as conn:
        tag_values = queries.tags_of(conn, list({point.trace_id for point in values}), key)
    return [tag_values.get(point.trace_id, "none") for point in values]
