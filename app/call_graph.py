"""How runs go from step to step: a graph that is drawn offline, and the way to its traces.

Streamlit-agraph reports clicks on nodes only. So each way between two steps has a small node of
its own in its middle, with how many of its runs failed on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st
from streamlit_agraph import Config, Edge, Node, agraph

from clustertrace.app import layers, markup, words
from clustertrace.app.links import follow, follower, traces_url
from clustertrace.app.theme import DARK, LIGHT, Palette
from clustertrace.filters import taking
from clustertrace.patterns import flow
from clustertrace.patterns.flow import END, START, PatternRuns
from clustertrace.patterns.statistics import wilson

__all__ = ["draw"]

_EDGES: Final = 60
_ROWS: Final = 12
_WIDEST: Final = 7
_P: Final = {"any": 1.0, "p < 0.05": 0.05, "p < 0.001": 0.001}
_NOTABLE: Final = 0.05
_COLUMN, _ROW = 210, 52
"""Pixels between two columns of steps, and between two things in a column."""
_CLICKED: Final = "clicked in the graph"
_NO_TITLE: Final = [""]
"""Shown as nothing. The component takes a missing title from the id, makes HTML of it, and opens
it as an address on a double click."""


def draw(patterns: list[PatternRuns], filters: Sequence[str] = ()) -> None:
    """Draw the graph with its sliders, and its edges as a list; its links keep the filters."""
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
    names = list(dict.fromkeys(name for edge in shown for name in (edge.source, edge.target)))
    _follow(_graph(shown, names, most), shown, names, filters)
    rows = [
        (
            f"{edge.source} → {edge.target}",
            markup.link(
                f"{words.count(edge.failed)} of {words.counted(edge.runs, 'run')} failed",
                _traces((edge.source, edge.target), filters),
            ),
            markup.rate_bar(edge.failed / edge.runs, *wilson(edge.failed, edge.runs)),
        )
        for edge in sorted(shown, key=lambda edge: (edge.p, -edge.runs))[:_ROWS]
    ]
    st.html(
        markup.page(
            markup.muted(
                "On each way: how many of its runs failed. Red, and a mark: more of them fail than "
                "of the others (p < 0.05). A click on a step or a way shows its traces."
            ),
            markup.rows(rows, ("Way", "Runs", "Failed, with the 95 % interval")),
        )
    )


def _traces(steps: Sequence[str], filters: Sequence[str]) -> str:
    """The traces that took these steps, under the filters of the page."""
    named = [name for name in steps if name not in (START, END)]
    return traces_url(*filters, *([taking(*named)] if named else []))


def _follow(
    clicked: str | None, edges: list[flow.Edge], names: list[str], filters: Sequence[str]
) -> None:
    """Go where a click leads; the component reports it again and again until the next one."""
    if clicked != st.session_state.get(_CLICKED):
        st.session_state[_CLICKED] = clicked
        kind, at = (clicked or " ")[0], (clicked or "")[1:]
        if kind == "n":
            follow(_traces((names[int(at)],), filters))
        elif kind == "e":
            edge = edges[int(at)]
            follow(_traces((edge.source, edge.target), filters))
    follower()


def _graph(edges: list[flow.Edge], names: list[str], most: int) -> str | None:
    """Draw it; the id of the node that was clicked: `n3` for a step, `e5` for a way."""
    colours = DARK if st.context.theme.type == "dark" else LIGHT
    ids = {name: f"n{at}" for at, name in enumerate(names)}
    column = layers.columns([(edge.source, edge.target) for edge in edges], START, END)
    ends = {f"e{at}": (ids[edge.source], ids[edge.target]) for at, edge in enumerate(edges)}
    across: dict[str, float] = {ids[name]: at for name, at in column.items()}
    across |= {one: _between(across[a], across[b]) for one, (a, b) in ends.items()}
    down = layers.heights(across, _halves(ends), _ROW)
    place = {one: {"x": round(at * _COLUMN), "y": round(down[one])} for one, at in across.items()}
    nodes = [_step(ids[name], name, colours, place[ids[name]]) for name in names]
    made: list[Edge] = []
    for at, edge in enumerate(edges):
        one = f"e{at}"
        notable = edge.p < _NOTABLE
        nodes.append(_way(one, edge, colours, place[one]))
        look = {
            "color": colours.failed if notable else colours.bar,
            "width": 1 + _WIDEST * edge.runs / most,
            "smooth": {"enabled": True, "type": "curvedCW", "roundness": 0.5}
            if edge.source == edge.target
            else {"enabled": True, "type": "cubicBezier", "forceDirection": "horizontal"},
        }
        source, target = ends[one]
        made.append(Edge(source, one, arrows={"to": {"enabled": False}}, **look))
        made.append(Edge(one, target, **look))
    tall = max(down.values()) - min(down.values())
    config = Config(width="100%", height=round(min(620, tall + 90)), physics=False)
    config.width = "100%"
    config.interaction = {"zoomView": False, "hover": False}
    # The library hands out null here, which its own drawing complains about.
    config.groups = {}
    found = agraph(nodes=nodes, edges=made, config=config)
    return found if isinstance(found, str) else None


def _between(source: float, target: float) -> float:
    """The column of a way: in the first gap behind where it comes from."""
    return source if source == target else source + (0.5 if target > source else -0.5)


def _halves(ends: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    return [half for one, (a, b) in ends.items() for half in ((a, one), (one, b))]


def _step(key: str, name: str, colours: Palette, place: dict[str, int]) -> Node:
    return Node(
        key,
        title=_NO_TITLE,
        label=name if len(name) <= 24 else f"{name[:23]}…",
        shape="box",
        color={"background": colours.raised, "border": colours.muted},
        font={"color": colours.text, "size": 15},
        **place,
    )


def _way(key: str, edge: flow.Edge, colours: Palette, place: dict[str, int]) -> Node:
    notable = edge.p < _NOTABLE
    return Node(
        key,
        title=_NO_TITLE,
        label=f"{'✕ ' if notable else ''}{edge.failed}/{edge.runs}",
        shape="box",
        margin=3,
        color={
            "background": colours.background,
            "border": colours.failed if notable else colours.border,
        },
        font={"color": colours.failed if notable else colours.muted, "size": 12},
        **place,
    )
