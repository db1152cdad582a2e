"""The values of a metric over time: each a point, and the mean of those before it as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt
import streamlit as st

from clustertrace.app.theme import DARK, LIGHT
from clustertrace.store.queries.measuring import Measured

__all__ = ["draw"]

_ROLLING: Final = 20
_PATTERNS: Final = 6
_BRUSH: Final = "marked"


def draw(name: str, values: Sequence[Measured], *, by_pattern: bool) -> frozenset[str]:
    """Draw the chart; the runs in the part that is marked, none if none is."""
    colours = DARK if st.context.theme.type == "dark" else LIGHT
    data = _data(values, by_pattern)
    kinds = list(dict.fromkeys(str(row["kind"]) for row in data))
    named = {"failed": colours.failed, "not failed": colours.bar, "not ended": colours.uncertain}
    scale = (
        alt.Scale(scheme="tableau10")
        if by_pattern
        else alt.Scale(domain=list(named), range=list(named.values()))
    )
    brush = alt.selection_interval(name=_BRUSH, encodings=["x"])
    base = alt.Chart({"values": data}).encode(x=alt.X("at:T", title=None))
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
    event = st.altair_chart(points + line, on_select="rerun", selection_mode=[_BRUSH])
    return _picked(event, values)


def _data(values: Sequence[Measured], by_pattern: bool) -> list[dict[str, object]]:
    often: dict[str, int] = {}
    for one in values:
        often[one.pattern or ""] = often.get(one.pattern or "", 0) + 1
    named = set(sorted(often, key=lambda key: -often[key])[:_PATTERNS])
    rows: list[dict[str, object]] = []
    for at, one in enumerate(values):
        before = [other.value for other in values[max(0, at - _ROLLING + 1) : at + 1]]
        pattern = one.pattern or ""
        kind = (pattern[:6] or "none") if pattern in named else "other patterns"
        state = {None: "not ended", True: "failed", False: "not failed"}[one.failed]
        rows.append(
            {
                "at": one.time_ns // 1_000_000,
                "value": one.value,
                "rolling": sum(before) / len(before),
                "kind": kind if by_pattern else state,
                "trace": one.trace_id[:12],
            }
        )
    return rows


def _picked(event: object, values: Sequence[Measured]) -> frozenset[str]:
    selection = getattr(event, "selection", None) or {}
    marked = selection.get(_BRUSH) or {}
    span = marked.get("at")
    if not span:
        return frozenset()
    first, last = float(span[0]), float(span[1])
    return frozenset(one.trace_id for one in values if first <= one.time_ns / 1e6 <= last)
