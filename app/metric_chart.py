"""The values of a metric over time: each a point, and the mean of those before it as a line."""

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
"""Without red and amber, which mean something; readable on light and dark."""

STATES: Final = {None: "not ended", True: "failed", False: "not failed"}
"""How a run ended, by whether it failed."""


def sentence(name: str, values: Sequence[Measured]) -> str:
    """Its mean in runs that failed, and in those that did not."""
    means = []
    for failed, where in ((True, "where the run failed"), (False, "where it did not")):
        some = [one.value for one in values if one.failed is failed]
        if some:
            means.append(f"{fmean(some):.3g} on average {where} ({counted(len(some), 'value')})")
    return f"{name} is {', '.join(means)}." if means else f"{name}: no run has ended yet."


def draw(name: str, values: Sequence[Measured], groups: Sequence[str] | None) -> frozenset[str]:
    """Draw the chart, coloured by outcome, or by the group of each value.

    Returns the runs in the part that is marked, none if none is.
    """
    colours = palette(st.context.theme.type)
    data = _data(values, groups)
    kinds = list(dict.fromkeys(str(row["kind"]) for row in data))
    named = {"failed": colours.failed, "not failed": colours.bar, "not ended": colours.uncertain}
    if groups is not None:
        named = dict(zip(sorted(kinds, key=lambda kind: kind == _OTHERS), _GROUPS, strict=False))
    brush = alt.selection_interval(name=_BRUSH, encodings=["x", "y"])
    base = alt.Chart({"values": data}).encode(x=alt.X("at:T", title=None))
    scale = alt.Scale(domain=list(named), range=list(named.values()))
    points = (
        base.mark_point(filled=True, size=45, opacity=0.75)
        .encode(
            y=alt.Y("value:Q", title=name, scale=alt.Scale(zero=False)),
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
    often = Counter(groups or ())
    kept = {group for group, _ in often.most_common(len(_GROUPS) - 1)}
    rows: list[dict[str, object]] = []
    for at, one in enumerate(values):
        before = [other.value for other in values[max(0, at - ROLLING + 1) : at + 1]]
        kind = STATES[one.failed]
        if groups is not None:
            kind = groups[at] if groups[at] in kept else _OTHERS
        rows.append(
            {
                "at": one.time_ns // 1_000_000,
                "value": one.value,
                "rolling": sum(before) / len(before),
                "kind": kind,
                "trace": one.trace_id[:12],
            }
        )
    return rows


def _picked(event: object, values: Sequence[Measured]) -> frozenset[str]:
    selection = getattr(event, "selection", None) or {}
    marked = selection.get(_BRUSH) or {}
    wide, high = marked.get("at"), marked.get("value")
    if not wide or not high:
        return frozenset()
    (first, last), (low, top) = sorted(map(float, wide)), sorted(map(float, high))
    return frozenset(
        one.trace_id
        for one in values
        if first <= one.time_ns / 1e6 <= last and low <= one.value <= top
    )
