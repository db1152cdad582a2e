"""How runs go from step to step: a graph that is drawn offline, and the way to its traces."""

from __future__ import annotations

from typing import Final

import streamlit as st
from streamlit_agraph import Config, Edge, Node, agraph

from clustertrace.app import markup, words
from clustertrace.app.links import traces_url
from clustertrace.app.theme import DARK, LIGHT
from clustertrace.patterns import flow
from clustertrace.patterns.flow import END, START, PatternRuns
from clustertrace.patterns.statistics import wilson

__all__ = ["draw"]

_EDGES: Final = 60
_ROWS: Final = 12
_WIDEST: Final = 9
_P: Final = {"any": 1.0, "p < 0.05": 0.05, "p < 0.001": 0.001}


def draw(patterns: list[PatternRuns]) -> None:
    """Draw the graph with its sliders, and its edges as a list."""
    st.html(markup.page(markup.subheading("How runs go from step to step")))
    every = flow.edges(patterns)
    most = max((edge.runs for edge in every), default=1)
    with st.container(horizontal=True):
        least = st.slider("Runs that go this way, at least", 1, max(2, most), 1, key="least")
        chosen = st.select_slider("Failing more often than the rest", list(_P), key="significant")
    shown = [edge for edge in every if edge.runs >= least and edge.p <= _P[chosen]][:_EDGES]
    if not shown:
        st.html(markup.notice("No way is taken so often; move the sliders to the left."))
        return
    picked = _graph(shown, most)
    if picked and picked not in (START, END):
        href = traces_url(f"has({picked})")
        st.html(markup.page(markup.link(f"Traces that took {picked}", href)))
    rows = [
        (
            f"{edge.source} → {edge.target}",
            markup.link(
                f"{words.count(edge.failed)} of {words.counted(edge.runs, 'run')} failed",
                _traces(edge),
            ),
            markup.rate_bar(edge.failed / edge.runs, *wilson(edge.failed, edge.runs)),
        )
        for edge in sorted(shown, key=lambda edge: (edge.p, -edge.runs))[:_ROWS]
    ]
    st.html(
        markup.page(
            markup.rows(rows),
            markup.muted(
                "Width: how many runs go this way. Red: more of them fail than of the others."
            ),
        )
    )


def _traces(edge: flow.Edge) -> str:
    if edge.source == START or edge.target == END:
        named = edge.target if edge.source == START else edge.source
        return traces_url(f"has({named})") if named not in (START, END) else traces_url()
    return traces_url(f"seq({edge.source} -> {edge.target})")


def _graph(edges: list[flow.Edge], most: int) -> str | None:
    colours = DARK if st.context.theme.type == "dark" else LIGHT
    names = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    nodes = [
        Node(id=name, label=name, shape="box", color=colours.raised, font={"color": colours.text})
        for name in names
    ]
    made = [
        Edge(
            source=edge.source,
            target=edge.target,
            width=1 + _WIDEST * edge.runs / most,
            color=colours.failed if edge.p < 0.05 else colours.bar,
            title=f"{edge.failed} of {edge.runs} failed",
        )
        for edge in edges
    ]
    config = Config(width=1100, height=430, directed=True, physics=False, hierarchical=True)
    config.layout["hierarchical"] |= {"direction": "LR", "sortMethod": "directed"}
    # The library hands out null here, which its own drawing complains about.
    config.groups = {}
    found = agraph(nodes=nodes, edges=made, config=config)
    return found if isinstance(found, str) else None
