"""How runs go from step to step: sliders, a picture of it, and the way to its traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.app.graph import call_picture
from clustertrace.app.links import follow, follower, traces_url
from clustertrace.filters import of_patterns, taking
from clustertrace.patterns import flow
from clustertrace.patterns.flow import END, START, PatternRuns
from clustertrace.patterns.statistics import wilson

__all__ = ["draw"]

_AT_FIRST: Final = 30
_MOST: Final = 60
"""Ways that are drawn at first, and at most; more than a few dozen are a tangle."""
_ROWS: Final = 12
_P: Final = {"any": 1.0, "p < 0.05": 0.05, "p < 0.001": 0.001}
_CLICKED: Final = "clicked in the graph"


def draw(patterns: list[PatternRuns], filters: Sequence[str] = ()) -> None:
    """Draw the graph with its sliders, and its edges as a list; its links keep the filters."""
    st.html(markup.page(markup.subheading("How runs go from step to step")))
    every = flow.edges(patterns)
    most = max((edge.runs for edge in every), default=1)
    frequent = every[_AT_FIRST].runs + 1 if len(every) > _AT_FIRST else 1
    with st.container(horizontal=True):
        least = st.slider(
            "Runs that go this way, at least", 1, max(2, most), min(frequent, most), key="least"
        )
        chosen = st.select_slider("Failing more often than the rest", list(_P), key="significant")
    shown = [edge for edge in every if edge.runs >= least and edge.p <= _P[chosen]][:_MOST]
    if not shown:
        st.html(markup.notice("No way is taken that often; move the sliders to the left."))
        return
    names = list(dict.fromkeys(name for edge in shown for name in (edge.source, edge.target)))
    _follow(call_picture.draw(shown, names, most), shown, names, filters)
    rows = [
        (
            f"{edge.source} → {edge.target}",
            markup.linked(
                f"{words.count(edge.failed)} of {words.counted(edge.runs, 'run')} failed",
                _going(edge, filters),
            ),
            markup.rate_bar(edge.failed / edge.runs, *wilson(edge.failed, edge.runs)),
        )
        for edge in sorted(shown, key=lambda edge: (edge.p, -edge.runs))[:_ROWS]
    ]
    left_out = len(shown) - len(rows)
    more = f"{words.counted(left_out, 'more way')} in the picture." if left_out else ""
    st.html(
        markup.page(
            markup.muted(
                f"{words.count(len(shown))} of {words.counted(len(every), 'way')}, each with how "
                "many of its runs failed. Red, and a mark: more of them fail than of the others "
                "(p < 0.05). A click on a step or a way shows its traces."
            ),
            markup.rows(rows, ("Way", "Runs", "Failed, with the 95 % interval")),
            markup.muted(more),
        )
    )


def _taking(name: str, filters: Sequence[str]) -> str:
    """The finished traces that took a step, under the filters of the page."""
    return traces_url(*filters, *([] if name in (START, END) else [taking(name)]), "finished:yes")


def _going(edge: flow.Edge, filters: Sequence[str]) -> str:
    """The finished traces that go a way; none where too many patterns do for a filter.

    No condition says that one step directly follows another, or is the last.
    """
    those = of_patterns(edge.taken_in)
    return traces_url(*filters, those, "finished:yes") if those else ""


def _follow(
    clicked: str | None, edges: list[flow.Edge], names: list[str], filters: Sequence[str]
) -> None:
    """Go where a click leads; the component reports it again and again until the next one."""
    if clicked != st.session_state.get(_CLICKED):
        st.session_state[_CLICKED] = clicked
        kind, at = (clicked or " ")[0], (clicked or "")[1:].partition(".")[0]
        if kind == "n":
            follow(_taking(names[int(at)], filters))
        elif kind == "e":
            edge = edges[int(at)]
            steps = [name for name in (edge.source, edge.target) if name not in (START, END)]
            about = [taking(*steps)] if steps else []
            follow(_going(edge, filters) or traces_url(*filters, *about, "finished:yes"))
    follower()
