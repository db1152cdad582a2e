"""Metrics: the numbers that runs were given, as a table and over time."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from clustertrace.app import connection, markup, metric_chart, words
from clustertrace.app.links import pattern_url, trace_url
from clustertrace.patterns.statistics import p95
from clustertrace.store import queries
from clustertrace.store.queries.measuring import NEWEST, Measured

__all__ = ["draw"]

_SPARK: Final = 60
_LISTED: Final = 20


def draw() -> None:
    """Draw the page."""
    with connection.read() as conn:
        found = {name: queries.metric_values(conn, name) for name in queries.metric_names(conn)}
    found = {name: values for name, values in found.items() if values}
    if not found:
        st.html(
            markup.notice(
                "No run has a metric yet; clustertrace.metric(name, number) inside a run makes one."
            )
        )
        return
    st.html(markup.page(markup.heading(_sentence(found))))
    names = list(found)
    asked = st.query_params.get("name", "")
    st.dataframe(
        [_row(name, found[name]) for name in names],
        column_config={
            "trend": st.column_config.LineChartColumn("Latest", width="medium"),
            "mean": st.column_config.NumberColumn("Mean", format="%.4g"),
            "median": st.column_config.NumberColumn("Median", format="%.4g"),
            "p95": st.column_config.NumberColumn("p95", format="%.4g"),
        },
        hide_index=True,
    )
    at = names.index(asked) if asked in names else 0
    name = st.selectbox("Metric", names, index=at, key="name", bind="query-params", width=320)
    _one(name, found[name])


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


def _one(name: str, values: Sequence[Measured]) -> None:
    groups = ["outcome", "pattern"]
    by = st.segmented_control("By", groups, default="outcome", required=True, key="by")
    picked = metric_chart.draw(name, values, by_pattern=by == "pattern")
    shown = [one for one in values if one.trace_id in picked] if picked else list(values)
    said = f"{words.counted(len(shown), 'run')} in the marked part" if picked else "The latest runs"
    rows = [
        (
            markup.link(one.trace_id[:12], trace_url(one.trace_id)),
            f"{one.value:g}",
            {None: "not ended", True: "failed", False: "not failed"}[one.failed],
            markup.link(one.pattern[:6], pattern_url(one.pattern)) if one.pattern else "",
        )
        for one in reversed(shown[-_LISTED:])
    ]
    st.html(markup.page(markup.subheading(f"{said}, newest first"), markup.rows(rows)))
    if len(values) >= NEWEST:
        st.html(markup.page(markup.muted(f"The newest {NEWEST:,} values are looked at.")))
