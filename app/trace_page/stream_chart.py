"""A chart of a streamed answer: its characters over the time of the call."""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import streamlit as st

from clustertrace.app.theme import palette
from clustertrace.model import Span

__all__ = ["draw"]

_CHUNKS: Final = "clustertrace.stream.chunks"
_MIN_CHUNKS: Final = 3
"""The fewest chunks that are worth a chart."""


def draw(span: Span) -> None:
    """Draw the cumulative characters; nothing for a call that was not streamed."""
    points = _points(span.attributes.get(_CHUNKS))
    if len(points) < _MIN_CHUNKS:
        return
    colours = palette(st.context.theme.type)
    chart = (
        alt.Chart({"values": points})
        .mark_area(
            interpolate="step-after",
            color=colours.bar,
            opacity=0.35,
            line={"color": colours.bar, "strokeWidth": 1.5},
        )
        .encode(
            x=alt.X("seconds:Q", title="characters, by seconds into the call")
            .axis(tickCount=6)
            .scale(domainMin=0),
            y=alt.Y("characters:Q", title=None).axis(tickCount=3),
            tooltip=["seconds:Q", "characters:Q"],
        )
        .properties(height=150)
    )
    st.altair_chart(chart, alt="Characters of the streamed answer over time")


def _points(chunks: Any) -> list[dict[str, float]]:
    """Cumulative characters over time; chunks are `[milliseconds, characters]`, as recorded."""
    points: list[dict[str, float]] = []
    total = 0.0
    for chunk in chunks if isinstance(chunks, list) else ():
        match chunk:
            case [int() | float() as time_ms, int() | float() as size]:
                total += size
                points.append({"seconds": time_ms / 1000, "characters": total})
            case _:
                return []
    return points
