"""The picture of how runs go from step to step: boxes in columns, ways in lanes between them.

Streamlit-agraph reports clicks on nodes only. So each way between two steps has a small node of
its own behind the step that it starts from, with how many of its runs failed on it; where it
passes further columns, it has points there, which keep a lane free for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import streamlit as st
from streamlit_agraph import Config, Edge, Node, agraph

from clustertrace.app.graph import layers
from clustertrace.app.theme import Palette, palette
from clustertrace.patterns import flow
from clustertrace.patterns.flow import END, START
from clustertrace.telling.plain import plain

__all__ = ["draw"]

_WIDEST: Final = 7
_NOTABLE: Final = 0.05
_LETTER, _SMALL_LETTER = 8.6, 7.2
"""About the widths of letters on boxes and on ways, pixels."""
_LINE: Final = 16
"""Letters on a line of a box; a longer name has two."""
_GAP: Final = 14
_BOX, _WAY, _POINT = 58.0, 30.0, 16.0
"""The height that each takes, with the space around it."""
_MARGIN: Final = 50
_SCREEN: Final = 1_300
"""About the room that a large screen has for it."""
_SMALLEST: Final = 0.7
"""Letters are drawn no smaller than this share of their size; beyond it the picture scrolls."""
_NO_TITLE: Final = [""]
"""Shown as nothing. The component takes a missing title from the id, makes HTML of it, and opens
it as an address on a double click."""


class _Way(NamedTuple):
    """An edge with the ids of all it runs through, its own node among them."""

    edge: flow.Edge
    id: str
    stops: list[str]


def draw(edges: Sequence[flow.Edge], names: Sequence[str], most: int) -> str | None:
    """Draw it; the id of what was clicked: `n3` for a step, `e5` or `e5.2` for a way."""
    colours = palette(st.context.theme.type)
    ids = {name: f"n{at}" for at, name in enumerate(names)}
    column = layers.columns([(edge.source, edge.target) for edge in edges], START, END)
    ways, column_of_all = _ways_and_columns(edges, ids, column)
    labels = {ids[name]: _box_label(name) for name in names}
    labels |= {way.id: _failed_of_runs(way.edge) for way in ways}
    x_of = layers.across(
        column_of_all, {key: _label_width(key, labels) for key in column_of_all}, _GAP
    )
    halves = [pair for way in ways for pair in pairwise(way.stops)]
    y_of = layers.heights(column_of_all, halves, {key: _height_taken(key) for key in column_of_all})
    place = {key: {"x": round(x_of[key]), "y": round(y_of[key])} for key in column_of_all}
    nodes = [_step_node(ids[name], labels[ids[name]], colours, place[ids[name]]) for name in names]
    drawn_edges: list[Edge] = []
    for way in ways:
        nodes += [_way_node(key, way, labels, colours, place[key]) for key in way.stops[1:-1]]
        drawn_edges += _way_edges(way, colours, 1 + _WIDEST * way.edge.runs / most)
    clicked = agraph(
        nodes=nodes, edges=drawn_edges, config=_graph_config(x_of.values(), y_of.values())
    )
    return clicked if isinstance(clicked, str) else None


def _ways_and_columns(
    edges: Sequence[flow.Edge], ids: dict[str, str], column: dict[str, int]
) -> tuple[list[_Way], dict[str, float]]:
    """The ways, and the column of everything; half ones lie between two columns of steps."""
    ways: list[_Way] = []
    column_of_all: dict[str, float] = {ids[name]: float(index) for name, index in column.items()}
    for index, edge in enumerate(edges):
        way_id = f"e{index}"
        # Twice as many columns, so that lanes lead through those between steps, too.
        source, target = 2 * column[edge.source], 2 * column[edge.target]
        lane_columns = list(layers.lanes(source, target)) or [source]
        points = [f"{way_id}.{number}" for number in range(1, len(lane_columns))]
        column_of_all |= {
            name: column / 2 for name, column in zip([way_id, *points], lane_columns, strict=True)
        }
        ways.append(_Way(edge, way_id, [ids[edge.source], way_id, *points, ids[edge.target]]))
    return ways, column_of_all


def _label_width(key: str, labels: dict[str, str]) -> float:
    letter = _LETTER if key.startswith("n") else _SMALL_LETTER
    longest = max(map(len, labels.get(key, "").split("\n")))
    return longest * letter + 14 if key in labels else 0.0


def _height_taken(key: str) -> float:
    if key.startswith("n"):
        return _BOX
    return _POINT if "." in key else _WAY


def _box_label(name: str) -> str:
    """A long name in two lines, parted between words where there are some."""
    name = plain(name)
    if len(name) <= _LINE:
        return name
    middle = len(name) // 2
    word_ends = [split_at + 1 for split_at, letter in enumerate(name) if letter in "_-. :/"] or [
        middle
    ]
    split_at = min(word_ends, key=lambda part: abs(part - middle))
    split_at = split_at if abs(split_at - middle) < _LINE // 2 else middle
    return "\n".join(
        line if len(line) <= _LINE else f"{line[: _LINE - 1]}…"
        for line in (name[:split_at], name[split_at:])
    )


def _failed_of_runs(edge: flow.Edge) -> str:
    return f"{'✕ ' if edge.p < _NOTABLE else ''}{edge.failed}/{edge.runs}"


def _graph_config(right: Collection[float], down: Collection[float]) -> Config:
    width = max(right) - min(right) + 2 * _MARGIN
    height = max(down) - min(down) + 2 * _MARGIN
    scale = min(1.0, max(_SMALLEST, _SCREEN / width))
    config = Config(height=round(height * scale), physics=False)
    config.width = f"max(100%, {round(width * _SMALLEST)}px)"
    config.interaction = {"zoomView": False, "dragView": False, "dragNodes": False, "hover": False}
    # The library hands out null here, which its own drawing complains about.
    config.groups = {}
    return config


def _step_node(key: str, label: str, colours: Palette, place: dict[str, int]) -> Node:
    return Node(
        key,
        title=_NO_TITLE,
        label=label,
        shape="box",
        color={"background": colours.raised, "border": colours.muted},
        font={"color": colours.text, "size": 15},
        **place,
    )


def _way_node(
    key: str, way: _Way, labels: dict[str, str], colours: Palette, place: dict[str, int]
) -> Node:
    """The node of a way, or a point that it passes."""
    notable = way.edge.p < _NOTABLE
    line = colours.failed if notable else colours.bar
    if key != way.id:
        return Node(key, title=_NO_TITLE, label=" ", shape="dot", size=1, color=line, **place)
    return Node(
        key,
        title=_NO_TITLE,
        label=labels[key],
        shape="box",
        margin=3,
        color={
            "background": colours.background,
            "border": colours.failed if notable else colours.border,
        },
        font={"color": colours.failed if notable else colours.muted, "size": 12},
        **place,
    )


def _way_edges(way: _Way, colours: Palette, width: float) -> list[Edge]:
    """The pieces of a way; an arrow at the end of the last one."""
    loop = way.edge.source == way.edge.target
    smooth = (
        {"enabled": True, "type": "curvedCW", "roundness": 0.5}
        if loop
        else {"enabled": True, "type": "cubicBezier", "forceDirection": "horizontal"}
    )
    style = {
        "color": colours.failed if way.edge.p < _NOTABLE else colours.bar,
        "width": width,
        "smooth": smooth,
    }
    pieces = list(pairwise(way.stops))
    no_arrow = {"arrows": {"to": {"enabled": False}}}
    return [Edge(*piece, **style, **no_arrow) for piece in pieces[:-1]] + [
        Edge(*pieces[-1], **style)
    ]
