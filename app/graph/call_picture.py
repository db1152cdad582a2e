"""The graph of how runs go from step to step: boxes in columns, ways in lanes between them.

Streamlit-agraph reports clicks on nodes only. So each way between two steps has a small node of
its own after the step that it starts from, which shows how many of its runs failed; where it
crosses further columns, invisible points keep a lane free for it.
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
from clustertrace.telling.words import shortened

__all__ = ["draw"]

_MAX_EXTRA_WIDTH: Final = 7
_SIGNIFICANCE: Final = 0.05
_LETTER_WIDTH, _SMALL_LETTER_WIDTH = 8.6, 7.2
"""Approximate widths of letters on boxes and on ways, pixels."""
_LINE_LENGTH: Final = 16
"""Letters on a line of a box; longer names take two lines."""
_GAP: Final = 14
_BOX, _WAY, _POINT = 58.0, 30.0, 16.0
"""The height of each kind of node, with the space around it, pixels."""
_MARGIN: Final = 50
_SCREEN_WIDTH: Final = 1_300
"""The approximate width that a large screen has for the graph, pixels."""
_MIN_SCALE: Final = 0.7
"""Letters are drawn no smaller than this share of their size; beyond it the graph scrolls."""
_NO_TITLE: Final = [""]
"""Shown as no title. Without one, the component turns the id into HTML, and opens it as an address
on a double click."""


class _Way(NamedTuple):
    """An edge with the ids of all nodes it passes, its own included."""

    edge: flow.Edge
    id: str
    stops: list[str]


def draw(edges: Sequence[flow.Edge], names: Sequence[str], max_runs: int) -> str | None:
    """Draw the graph; returns the id of the clicked node: `n3` is a step, `e5` or `e5.2` a way."""
    colours = palette(st.context.theme.type)
    ids = {name: f"n{index}" for index, name in enumerate(names)}
    column = layers.columns([(edge.source, edge.target) for edge in edges], START, END)
    ways, column_of_all = _ways_and_columns(edges, ids, column)
    labels = {ids[name]: _box_label(name) for name in names}
    labels |= {way.id: _failed_of_runs(way.edge) for way in ways}
    x_of = layers.across(
        column_of_all, {key: _label_width(key, labels) for key in column_of_all}, _GAP
    )
    segments = [pair for way in ways for pair in pairwise(way.stops)]
    y_of = layers.heights(
        column_of_all, segments, {key: _height_taken(key) for key in column_of_all}
    )
    place = {key: {"x": round(x_of[key]), "y": round(y_of[key])} for key in column_of_all}
    nodes = [_step_node(ids[name], labels[ids[name]], colours, place[ids[name]]) for name in names]
    drawn_edges: list[Edge] = []
    for way in ways:
        nodes += [_way_node(key, way, labels, colours, place[key]) for key in way.stops[1:-1]]
        drawn_edges += _way_edges(way, colours, 1 + _MAX_EXTRA_WIDTH * way.edge.runs / max_runs)
    clicked = agraph(
        nodes=nodes, edges=drawn_edges, config=_graph_config(x_of.values(), y_of.values())
    )
    return clicked if isinstance(clicked, str) else None


def _ways_and_columns(
    edges: Sequence[flow.Edge], ids: dict[str, str], column: dict[str, int]
) -> tuple[list[_Way], dict[str, float]]:
    """The ways, and the column of every node; half columns lie between two columns of steps."""
    ways: list[_Way] = []
    column_of_all: dict[str, float] = {ids[name]: float(index) for name, index in column.items()}
    for index, edge in enumerate(edges):
        way_id = f"e{index}"
        # Doubled, so that lanes also pass through the columns between steps.
        source, target = 2 * column[edge.source], 2 * column[edge.target]
        lane_columns = list(layers.lanes(source, target)) or [source]
        points = [f"{way_id}.{number}" for number in range(1, len(lane_columns))]
        column_of_all |= {
            name: column / 2 for name, column in zip([way_id, *points], lane_columns, strict=True)
        }
        ways.append(_Way(edge, way_id, [ids[edge.source], way_id, *points, ids[edge.target]]))
    return ways, column_of_all


def _label_width(key: str, labels: dict[str, str]) -> float:
    letter = _LETTER_WIDTH if key.startswith("n") else _SMALL_LETTER_WIDTH
    longest = max(map(len, labels.get(key, "").split("\n")))
    return longest * letter + 14 if key in labels else 0.0


def _height_taken(key: str) -> float:
    if key.startswith("n"):
        return _BOX
    return _POINT if "." in key else _WAY


def _box_label(name: str) -> str:
    """A long name in two lines, split between words if possible."""
    name = plain(name)
    if len(name) <= _LINE_LENGTH:
        return name
    middle = len(name) // 2
    word_ends = [split_at + 1 for split_at, letter in enumerate(name) if letter in "_-. :/"] or [
        middle
    ]
    split_at = min(word_ends, key=lambda part: abs(part - middle))
    split_at = split_at if abs(split_at - middle) < _LINE_LENGTH // 2 else middle
    return "\n".join(shortened(line, _LINE_LENGTH) for line in (name[:split_at], name[split_at:]))


def _failed_of_runs(edge: flow.Edge) -> str:
    return f"{'✕ ' if edge.p < _SIGNIFICANCE else ''}{edge.failed}/{edge.runs}"


def _graph_config(right: Collection[float], down: Collection[float]) -> Config:
    width = max(right) - min(right) + 2 * _MARGIN
    height = max(down) - min(down) + 2 * _MARGIN
    scale = min(1.0, max(_MIN_SCALE, _SCREEN_WIDTH / width))
    config = Config(height=round(height * scale), physics=False)
    config.width = f"max(100%, {round(width * _MIN_SCALE)}px)"
    config.interaction = {"zoomView": False, "dragView": False, "dragNodes": False, "hover": False}
    # The library's default is null, which its own drawing code rejects.
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
    """The node of a way, or one of the points that it passes."""
    notable = way.edge.p < _SIGNIFICANCE
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
    """The segments of a way; the last one ends in an arrow."""
    loop = way.edge.source == way.edge.target
    smooth = (
        {"enabled": True, "type": "curvedCW", "roundness": 0.5}
        if loop
        else {"enabled": True, "type": "cubicBezier", "forceDirection": "horizontal"}
    )
    style = {
        "color": colours.failed if way.edge.p < _SIGNIFICANCE else colours.bar,
        "width": width,
        "smooth": smooth,
    }
    pieces = list(pairwise(way.stops))
    no_arrow = {"arrows": {"to": {"enabled": False}}}
    return [Edge(*piece, **style, **no_arrow) for piece in pieces[:-1]] + [
        Edge(*pieces[-1], **style)
    ]
