"""The layout of a graph of steps: nodes in columns, with lanes for the ways between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeVar

__all__ = ["across", "columns", "heights", "lanes"]

N = TypeVar("N", bound=Hashable)


def columns(edges: Sequence[tuple[str, str]], first: str, last: str) -> dict[str, int]:
    """The column of each node, from 0: after all nodes that lead to it, except by back edges.

    `edges` are sorted by importance: in a cycle, the later edges are taken as the back edges.
    `first` comes before all other nodes, `last` after them.
    """
    predecessors: dict[str, set[str]] = defaultdict(set)
    for source, target in edges:
        if source != target and not _leads_to(predecessors, source, target):
            predecessors[target].add(source)
    column: dict[str, int] = {}
    for name in dict.fromkeys(name for edge in edges for name in edge):
        _place_in_column(name, predecessors, column)
    if list(column.values()).count(0) > 1 and first in column:
        column = {name: index + 1 for name, index in column.items()} | {first: 0}
    if last in column:
        column[last] = max(index for name, index in column.items() if name != last) + 1
    return column


def lanes(source: int, target: int) -> range:
    """The columns between two columns, excluding both, in the direction of the way."""
    return range(source + 1, target) if target > source else range(source - 1, target, -1)


def _leads_to(predecessors: Mapping[str, set[str]], node: str, sought: str) -> bool:
    """Whether a path leads from `sought` to `node`."""
    stack, seen = [node], set[str]()
    while stack:
        current = stack.pop()
        if current == sought:
            return True
        if current not in seen:
            seen.add(current)
            stack += predecessors.get(current, ())
    return False


def _place_in_column(
    name: str, predecessors: Mapping[str, set[str]], column: dict[str, int]
) -> None:
    """Column by the longest path from a start node; not recursive, as paths may be long."""
    stack = [name]
    while stack:
        current = stack[-1]
        missing = [other for other in predecessors.get(current, ()) if other not in column]
        if missing:
            stack += missing
            continue
        stack.pop()
        column[current] = 1 + max(
            (column[other] for other in predecessors.get(current, ())), default=-1
        )


def across(column: Mapping[N, float], widths: Mapping[N, float], gap: float) -> dict[N, float]:
    """The x position of each node: columns as wide as their widest node, a `gap` between them."""
    widest: dict[float, float] = defaultdict(float)
    for name, index in column.items():
        widest[index] = max(widest[index], widths[name])
    centres: dict[float, float] = {}
    edge = 0.0
    for index in sorted(widest):
        centres[index] = edge + widest[index] / 2
        edge += widest[index] + gap
    return {name: centres[index] for name, index in column.items()}


def heights(
    column: Mapping[N, float],
    edges: Iterable[tuple[N, N]],
    heights_taken: Mapping[N, float],
    rounds: int = 8,
) -> dict[N, float]:
    """The y position of each node: near its neighbours, without overlap in its column.

    `heights_taken` is the height of each node, with the space around it.
    """
    neighbours: dict[N, list[N]] = defaultdict(list)
    for source, target in edges:
        neighbours[source].append(target)
        neighbours[target].append(source)
    nodes_by_column: dict[float, list[N]] = defaultdict(list)
    for name, index in column.items():
        nodes_by_column[index].append(name)
    height: dict[N, float] = {}
    for line in nodes_by_column.values():
        height |= _spread(line, dict.fromkeys(line, 0.0), heights_taken)
    for turn in range(rounds):
        for index in sorted(nodes_by_column, reverse=bool(turn % 2)):
            line = nodes_by_column[index]
            wanted_height = {
                node: fmean([height[neighbour] for neighbour in neighbours[node]] or [height[node]])
                for node in line
            }
            height |= _spread(
                sorted(line, key=lambda node: wanted_height[node]), wanted_height, heights_taken
            )
    return height


def _spread(
    line: Sequence[N], wanted_height: Mapping[N, float], heights_taken: Mapping[N, float]
) -> dict[N, float]:
    """Each node at its wanted height, or just below the one above it."""
    placed: dict[N, float] = {}
    lowest_edge = float("-inf")
    for node in line:
        placed[node] = max(wanted_height[node], lowest_edge + heights_taken[node] / 2)
        lowest_edge = placed[node] + heights_taken[node] / 2
    mean_offset = fmean(placed[node] - wanted_height[node] for node in line)
    return {node: height - mean_offset for node, height in placed.items()}
