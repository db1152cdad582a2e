"""A metric over time: its values as points, and their rolling mean as a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Final

import altair as alt
import streamlit as st

from clustertrace.app.theme import palette
from clustertrace.store.queries.measuring import Measured
from clustertrace.telling.words import counted

__all__ = ["ROLLING", "STATES", "draw", "sentence"]

ROLLING: Final = 20
_BRUSH: Final = "marked"
_OTHERS: Final = "others"
_GROUPS: Final = ("#4c78a8", "#54a24b", "#b279a2", "#72b7b2", "#9d755d", "#8d99a8")
"""No red or amber, which have a meaning; readable on light and dark."""

_TIME_LABEL: Final = (
    "timeFormat(datum.value, hours(datum.value) + minutes(datum.value) + seconds(datum.value) == 0"
    " ? '%-d %b' : seconds(datum.value) == 0 ? '%H:%M' : '%H:%M:%S')"
)
"""Dates and times as everywhere on the pages; by itself the chart would say 06 PM."""

STATES: Final = {None: "not ended", True: "failed", False: "not failed"}
"""The words for a run's end, by whether it failed."""


def sentence(name: str, values: Sequence[Measured]) -> str:
    """The metric's mean in runs that failed, and in those that did not."""
    means = []
    any_failed = any(point.failed for point in values)
    not_failed = "where it did not" if any_failed else "where the run did not fail"
    for failed, which_runs in ((True, "where the run failed"), (False, not_failed)):
        numbers = [point.value for point in values if point.failed is failed]
        if numbers:
            means.append(
                f"{fmean(numbers):.3g} on average {which_runs} ({counted(len(numbers), 'value')})"
            )
    return f"{name} is {', '.join(means)}." if means else f"{name}: no run has ended yet."


def draw(name: str, values: Sequence[Measured], groups: Sequence[str] | None) -> frozenset[str]:
    """Draw the chart, coloured by outcome, or by the group of each value.

    Returns the ids of the runs in the selected area; empty without a selection.
    """
    colours = palette(st.context.theme.type)
    data = _data(values, groups)
    kinds = list(dict.fromkeys(str(row["kind"]) for row in data))
    colour_by_kind = {
        "failed": colours.failed,
        "not failed": colours.bar,
        "not ended": colours.uncertain,
    }
    if groups is not None:
        colour_by_kind = dict(
            zip(sorted(kinds, key=lambda kind: kind == _OTHERS), _GROUPS, strict=False)
        )
    brush = alt.selection_interval(name=_BRUSH, encodings=["x", "y"])
    axis = alt.Axis(labelExpr=_TIME_LABEL, labelOverlap=True)
    base = alt.Chart({"values": data}).encode(x=alt.X("at:T", title=None, axis=axis))
    scale = alt.Scale(domain=list(colour_by_kind), range=list(colour_by_kind.values()))
    points = (
        base.mark_point(filled=True, size=45, opacity=0.75)
        .encode(
            y=alt.Y("value:Q", title=name, scale=alt.Scale(zero=False), axis=alt.Axis(format="~g")),
            color=alt.Color("kind:N", scale=scale, title=None),
            shape=alt.Shape("kind:N", sort=kinds, title=None),
            tooltip=["trace:N", "value:Q", "kind:N"],
        )
        .add_params(brush)
    )
    line = base.mark_line(color=colours.accent, strokeWidth=2).encode(y="rolling:Q")
    event = st.altair_chart(
        points + line,
        on_select="rerun",
        selection_mode=[_BRUSH],
        alt=f"{name} over time; the line is the mean of {ROLLING} values",
    )
    return _picked(event, values)


def _data(values: Sequence[Measured], groups: Sequence[str] | None) -> list[dict[str, object]]:
    group_sizes = Counter(groups or ())
    kept = {group for group, _ in group_sizes.most_common(len(_GROUPS) - 1)}
    rows: list[dict[str, object]] = []
    for index, point in enumerate(values):
        window = [earlier.value for earlier in values[max(0, index - ROLLING + 1) : index + 1]]
        kind = STATES[point.failed]
        if groups is not None:
            kind = groups[index] if groups[index] in kept else _OTHERS
        rows.append(
            {
                "at": point.time_ns // 1_000_000,
                "value": point.value,
                "rolling": sum(window) / len(window),
                "kind": kind,
                "trace": point.trace_id[:12],
            }
        )
    return rows


def _picked(event: object, values: Sequence[Measured]) -> frozenset[str]:
    selection = getattr(event, "selection", None) or {}
    marked = selection.get(_BRUSH) or {}
    time_range, value_range = marked.get("at"), marked.get("value")
    if not time_range or not value_range:
        return frozenset()
    (first, last), (low, high) = sorted(map(float, time_range)), sorted(map(float, value_range))
    return frozenset(
        point.trace_id
        for point in values
        if first <= point.time_ns / 1e6 <= last and low <= point.value <= high
    )
