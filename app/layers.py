"""Where the nodes of a graph of steps stand: one column after the other, ways between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeVar

__all__ = ["columns", "heights"]

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


def heights(
    column: Mapping[N, float], edges: Iterable[tuple[N, N]], apart: float, rounds: int = 6
) -> dict[N, float]:
    """How far below the middle each node stands: near its neighbours, `apart` from others.

    Unit as `apart`; only nodes of one column keep apart.
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
        found |= _spread(line, dict.fromkeys(line, 0.0), apart)
    for turn in range(rounds):
        for at in sorted(lines, reverse=bool(turn % 2)):
            line = lines[at]
            wanted = {
                one: fmean([found[other] for other in near[one]] or [found[one]]) for one in line
            }
            found |= _spread(sorted(line, key=lambda one: wanted[one]), wanted, apart)
    return found


def _spread(line: Sequence[N], wanted: Mapping[N, float], apart: float) -> dict[N, float]:
    """Each at the height that is wanted of it, or as little below the one above as `apart`."""
    placed: dict[N, float] = {}
    lowest = float("-inf")
    for one in line:
        placed[one] = max(wanted[one], lowest + apart)
        lowest = placed[one]
    off = fmean(placed[one] - wanted[one] for one in line)
    return {one: height - off for one, height in placed.items()}
