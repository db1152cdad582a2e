"""How runs go from step to step: sliders, a graph, and links to the traces."""

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

_EDGES_AT_FIRST: Final = 30
_MAX_EDGES: Final = 60
"""How many ways are drawn at first, and at most; more than a few dozen are a tangle."""
_ROWS: Final = 12
_MAX_P: Final = {"any": 1.0, "p < 0.05": 0.05, "p < 0.001": 0.001}
_CLICKED: Final = "clicked in the graph"


def draw(patterns: list[PatternRuns], filters: Sequence[str] = ()) -> None:
    """Draw the graph with its sliders, and its ways as a list; links keep the filters."""
    st.html(markup.page(markup.subheading("How runs go from step to step")))
    edges = flow.edges(patterns)
    max_runs = max((edge.runs for edge in edges), default=1)
    shown = _pick_edges(edges, max_runs)
    if not shown:
        st.html(markup.notice("No way is taken that often; move the sliders to the left."))
        return
    names = list(dict.fromkeys(name for edge in shown for name in (edge.source, edge.target)))
    _follow(call_picture.draw(shown, names, max_runs), shown, names, filters)
    by_chance = sorted(shown, key=lambda edge: (edge.p, -edge.runs))
    rows = [_way_row(edge, filters) for edge in by_chance[:_ROWS]]
    hidden = len(shown) - len(rows)
    more = f"{words.counted(hidden, 'more way')} in the picture." if hidden else ""
    st.html(
        markup.page(
            markup.muted(
                f"{words.count(len(shown))} of {words.counted(len(edges), 'way')}, each with how "
                "many of its runs failed. Red, and a mark: more of them fail than of the others "
                "(p < 0.05). A click on a step or a way shows its traces."
            ),
            markup.rows(rows, ("Way", "Runs", "Failed, with the 95 % interval")),
            markup.muted(more),
        )
    )


def _pick_edges(edges: Sequence[flow.Edge], max_runs: int) -> list[flow.Edge]:
    """Draw the sliders; the ways that they leave."""
    frequent = edges[_EDGES_AT_FIRST].runs + 1 if len(edges) > _EDGES_AT_FIRST else 1
    with st.container(horizontal=True):
        min_runs = st.slider(
            "Runs that go this way, at least",
            1,
            max(2, max_runs),
            min(frequent, max_runs),
            key="least",
        )
        chosen = st.select_slider(
            "Failing more often than the rest", list(_MAX_P), key="significant"
        )
    picked = [edge for edge in edges if edge.runs >= min_runs and edge.p <= _MAX_P[chosen]]
    return picked[:_MAX_EDGES]


def _way_row(edge: flow.Edge, filters: Sequence[str]) -> tuple[object, ...]:
    failed = f"{words.count(edge.failed)} of {words.counted(edge.runs, 'run')} failed"
    return (
        f"{edge.source} → {edge.target}",
        markup.linked(markup.unbroken(failed), _way_url(edge, filters)),
        markup.rate_bar(edge.failed / edge.runs, *wilson(edge.failed, edge.runs)),
    )


def _step_url(name: str, filters: Sequence[str]) -> str:
    """Link to the finished traces that took a step, under the filters of the page."""
    return traces_url(*filters, *([] if name in (START, END) else [taking(name)]), "finished:yes")


def _way_url(edge: flow.Edge, filters: Sequence[str]) -> str:
    """Link to the finished traces that go a way; empty if too many patterns do for a filter.

    The patterns are listed because no condition says that one step directly follows another, or
    is the last.
    """
    pattern_condition = of_patterns(edge.taken_in)
    return traces_url(*filters, pattern_condition, "finished:yes") if pattern_condition else ""


def _follow(
    clicked: str | None, edges: list[flow.Edge], names: list[str], filters: Sequence[str]
) -> None:
    """Follow a click; the component reports the same click until the next one."""
    if clicked != st.session_state.get(_CLICKED):
        st.session_state[_CLICKED] = clicked
        kind, index = (clicked or " ")[0], (clicked or "")[1:].partition(".")[0]
        if kind == "n":
            follow(_step_url(names[int(index)], filters))
        elif kind == "e":
            edge = edges[int(index)]
            steps = [name for name in (edge.source, edge.target) if name not in (START, END)]
            step_condition = [taking(*steps)] if steps else []
            follow(_way_url(edge, filters) or traces_url(*filters, *step_condition, "finished:yes"))
    follower()
