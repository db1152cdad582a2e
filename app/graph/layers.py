"""Where the nodes of a graph of steps stand: one column after the other, ways between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeVar

__all__ = ["across", "columns", "heights", "lanes"]

N = TypeVar("N", bound=Hashable)


def columns(edges: Sequence[tuple[str, str]], first: str, last: str) -> dict[str, int]:
    """The column of each node, from 0: behind all that lead to it, but for ways that go back.

    `edges` come with those first that matter most: where they form a circle, the later ones are
    taken for the ways back. `last` stands behind everything.
    """
    before: dict[str, set[str]] = defaultdict(set)
    for source, target in edges:
        if source != target and not _reaches(before, source, target):
            before[target].add(source)
    found: dict[str, int] = {}
    for name in dict.fromkeys(name for edge in edges for name in edge):
        _place(name, before, found)
    if list(found.values()).count(0) > 1 and first in found:
        found = {name: at + 1 for name, at in found.items()} | {first: 0}
    if last in found:
        found[last] = max(at for name, at in found.items() if name != last) + 1
    return found


def lanes(source: int, target: int) -> range:
    """The columns that a way passes on from one column to another, neither of them included."""
    return range(source + 1, target) if target > source else range(source - 1, target, -1)


def _reaches(before: Mapping[str, set[str]], node: str, sought: str) -> bool:
    """Whether a way leads from `sought` to `node`."""
    open_, seen = [node], set[str]()
    while open_:
        one = open_.pop()
        if one == sought:
            return True
        if one not in seen:
            seen.add(one)
            open_ += before.get(one, ())
    return False


def _place(name: str, before: Mapping[str, set[str]], found: dict[str, int]) -> None:
    """Longest way from a node that nothing leads to; without recursion, as ways may be long."""
    open_ = [name]
    while open_:
        one = open_[-1]
        missing = [other for other in before.get(one, ()) if other not in found]
        if missing:
            open_ += missing
            continue
        open_.pop()
        found[one] = 1 + max((found[other] for other in before.get(one, ())), default=-1)


def across(column: Mapping[N, float], wide: Mapping[N, float], gap: float) -> dict[N, float]:
    """How far right each node stands: columns as wide as their widest node, a `gap` between."""
    widest: dict[float, float] = defaultdict(float)
    for name, at in column.items():
        widest[at] = max(widest[at], wide[name])
    found: dict[float, float] = {}
    edge = 0.0
    for at in sorted(widest):
        found[at] = edge + widest[at] / 2
        edge += widest[at] + gap
    return {name: found[at] for name, at in column.items()}


def heights(
    column: Mapping[N, float],
    edges: Iterable[tuple[N, N]],
    tall: Mapping[N, float],
    rounds: int = 8,
) -> dict[N, float]:
    """How far below the middle each node stands: near its neighbours, clear of its column.

    `tall` is what room each node takes, the space around it included.
    """
    near: dict[N, list[N]] = defaultdict(list)
    for source, target in edges:
        near[source].append(target)
        near[target].append(source)
    lines: dict[float, list[N]] = defaultdict(list)
    for name, at in column.items():
        lines[at].append(name)
    found: dict[N, float] = {}
    for line in lines.values():
        found |= _spread(line, dict.fromkeys(line, 0.0), tall)
    for turn in range(rounds):
        for at in sorted(lines, reverse=bool(turn % 2)):
            line = lines[at]
            wanted = {
                one: fmean([found[other] for other in near[one]] or [found[one]]) for one in line
            }
            found |= _spread(sorted(line, key=lambda one: wanted[one]), wanted, tall)
    return found


def _spread(
    line: Sequence[N], wanted: Mapping[N, float], tall: Mapping[N, float]
) -> dict[N, float]:
    """Each at the height that is wanted of it, or just below the one above."""
    placed: dict[N, float] = {}
    edge = float("-inf")
    for one in line:
        placed[one] = max(wanted[one], edge + tall[one] / 2)
        edge = placed[one] + tall[one] / 2
    off = fmean(placed[one] - wanted[one] for one in line)
    return {one: height - off for one, height in placed.items()}
