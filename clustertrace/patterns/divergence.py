"""Where the paths of an agent's runs diverge, and at which step the chance of failing jumps most.

The steps of all runs of one root name are laid over each other as a tree: runs share a node as
long as they did the same, loops with the same count bucket included. At each branching the runs
that go one way are tested against those that go another (Fisher's exact test, one-sided, corrected
over all branches); the largest significant jump, at its lower bound, is where to look first.

That a run broke is no way that it took. Where an error ended it in a step, it took that step as
others did with whom it worked. To have broken off between two steps speaks against no way: not
against that of ending there, nor that of doing the last step so often where others did it more
often, since nobody knows what would have come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from operator import add, sub
from typing import Final, NamedTuple

from clustertrace.patterns.rules import Q
from clustertrace.patterns.signature import NOT_STEPS, Step, bucket
from clustertrace.patterns.statistics import Z95_ONE_SIDED, benjamini_hochberg, fisher_greater

__all__ = ["END", "Divergence", "Node", "Path", "divergence", "tree"]

END: Final = Step(("■ end",), (False,), ("",), "1")
"""The branch of the runs that took no further step; no step is called so."""

_MIN_RUNS: Final = 3
"""Runs that must go one way, and runs that must go another."""
_BUCKETS: Final = tuple(bucket(count) for count in (1, 2, 4, 8))
_MAX_DEPTH: Final = 60
"""Steps of a path; paths that agree for so long are taken for one."""


class Path(NamedTuple):
    """Runs that took the same steps."""

    steps: tuple[Step, ...]
    runs: int
    failed: int
    independent_failed: int
    """Sessions with a failed run: what tests count, since runs of one are not independent."""
    independent_passed: int
    broke: int = 0
    """Of the failed runs those that an error of their root ended."""


@dataclass(slots=True)
class Node:
    """A step, and all runs that came to it the same way."""

    step: Step | None
    """None at the root, where every run begins."""
    runs: int = 0
    failed: int = 0
    children: dict[Step, Node] = field(default_factory=dict)
    independent: tuple[int, int] = (0, 0)
    """Failed runs and all runs as tests count them."""
    broke: tuple[int, int] = (0, 0)
    """Of an end: runs that an error of their root ended there, and how many tests count."""

    @property
    def rate(self) -> float:
        """The share of its runs that failed, 0 to 1."""
        return self.failed / self.runs if self.runs else 0.0

    def ranked(self) -> list[Node]:
        """Its branches, the one with most failures first, then the one with most runs."""
        return sorted(
            self.children.values(), key=lambda node: (-node.failed, -node.runs, _names(node))
        )


@dataclass(frozen=True, slots=True)
class Divergence:
    """The branch at which the chance of failing jumps most."""

    path: tuple[Step, ...]
    """The steps up to it, which the runs on both sides share."""
    step: Step
    """The step that part of them took next; `END` if they took none."""
    failed: int
    runs: int
    """Of the runs that took it."""
    other_failed: int
    other_runs: int
    """Of those that came so far and went another way."""
    p: float
    others: tuple[Step, ...]
    """The steps that those took instead, the most frequent first."""
    left_out: int = 0
    """Runs that an error ended there, of which nobody knows what would have come."""


def tree(paths: Iterable[Path]) -> Node:
    """Lay paths over each other."""
    root = Node(None)
    for path in paths:
        _add_path(root, path)
    return root


def _add_path(node: Node, path: Path) -> None:
    end = () if len(path.steps) > _MAX_DEPTH else (END,)
    for step in (None, *path.steps[:_MAX_DEPTH], *end):
        if step is not None:
            node = node.children.setdefault(step, Node(step))
        node.runs += path.runs
        node.failed += path.failed
        failed, runs = node.independent
        independent_runs = path.independent_failed + path.independent_passed
        node.independent = (failed + path.independent_failed, runs + independent_runs)
    if path.broke and node.step == END:
        independent_broke = round(path.independent_failed * path.broke / path.failed)
        node.broke = (node.broke[0] + path.broke, node.broke[1] + independent_broke)


class _Side(NamedTuple):
    """Runs that went one way."""

    failed: int = 0
    runs: int = 0
    independent_failed: int = 0
    independent: int = 0

    def plus(self, other: _Side) -> _Side:
        return _Side(*map(add, self, other))

    def minus(self, other: _Side) -> _Side:
        return _Side(*map(sub, self, other))


class _Branch(NamedTuple):
    p: float
    jump: float
    parent: Node
    node: Node
    path: tuple[Step, ...]
    side: _Side
    others: _Side


def divergence(root: Node, through: Sequence[Step] = ()) -> Divergence | None:
    """The branch with the largest significant jump; None where no branch is significant.

    A branch on the way `through` these steps, those of a pattern, is preferred, if it is at least
    half as large as the largest.
    """
    branches = [
        branch for parent, path in _branching_nodes(root) for branch in _branches(parent, path)
    ]
    bound = benjamini_hochberg([branch.p for branch in branches], Q)
    significant = [branch for branch in branches if branch.p <= bound and branch.jump > 0]
    if not significant:
        return None
    pattern_path = (*through, END)
    ranked = sorted(significant, key=lambda branch: (-branch.jump, len(branch.path), branch.p))
    on_path = (branch for branch in ranked if _is_on(branch, pattern_path))
    best = next((branch for branch in on_path if branch.jump >= ranked[0].jump / 2), ranked[0])
    parent, node = best.parent, best.node
    assert node.step is not None
    others = sorted(parent.children.values(), key=lambda other: (-other.runs, _names(other)))
    side, other_side = best.side, best.others
    return Divergence(
        best.path,
        node.step,
        side.failed,
        side.runs,
        other_side.failed,
        other_side.runs,
        best.p,
        tuple(
            other.step
            for other in others
            if other is not node and other.step is not None and not _is_part_of(other, node)
        ),
        parent.runs - side.runs - other_side.runs,
    )


def _is_on(branch: _Branch, path: Sequence[Step]) -> bool:
    """Whether a path takes a branch, or broke in the step that the branch is named after."""
    place = len(branch.path)
    if place >= len(path) or tuple(path[:place]) != branch.path:
        return False
    taken = branch.node.step
    own = branch.parent.children.get(path[place])
    return path[place] == taken or (own is not None and _is_part_of(own, branch.node))


def _branching_nodes(root: Node) -> Iterator[tuple[Node, tuple[Step, ...]]]:
    """Every node where paths part, with the way to it."""
    stack: list[tuple[Node, tuple[Step, ...]]] = [(root, ())]
    while stack:
        node, path = stack.pop()
        if len(node.children) > 1:
            yield node, path
        stack += [(child, (*path, step)) for step, child in node.children.items() if child.runs > 1]


def _branches(parent: Node, path: tuple[Step, ...]) -> Iterator[_Branch]:
    for node in parent.children.values():
        side, others = _sides(node, parent)
        if min(side.independent, others.independent) < _MIN_RUNS:
            continue
        total = side.plus(others)
        rates = (side.independent_failed, side.independent)
        jump = _rate_difference_bound(*rates, others.independent_failed, others.independent)
        p = fisher_greater(*rates, total.independent_failed, total.independent)
        yield _Branch(p, jump, parent, node, path, side, others)


def _sides(node: Node, parent: Node) -> tuple[_Side, _Side]:
    """The runs that went on with a step, and those that went another way."""
    same_step = [
        other
        for other in parent.children.values()
        if other is not node and _names(other) == _names(node)
    ]
    completed = [other for other in same_step if not _broke_in_step(other)]
    side = _all_runs(node)
    # Who broke in the step took it, too; where others did it more often, that is not known.
    if not completed and not _broke_in_step(node):
        for other in same_step:
            side = side.plus(_broken_runs(other))
    others = _all_runs(parent).minus(side)
    if _may_have_gone_on(node, completed):
        side = side.minus(_broken_runs(node))
    return side, others


def _may_have_gone_on(node: Node, completed: Sequence[Node]) -> bool:
    """Whether runs that broke here might have gone another way: further, or round once more.

    `completed` are the nodes of the same step in which nothing broke.
    """
    if _is_end(node):
        return True
    return bool(completed) and (_broke_in_step(node) or not _is_longest(node, completed))


def _all_runs(node: Node) -> _Side:
    return _Side(node.failed, node.runs, *node.independent)


def _broken_runs(node: Node) -> _Side:
    """Runs of which this is the last step, and that an error ended in it or right after it."""
    end = node if node.step == END else node.children.get(END)
    runs, independent = end.broke if end is not None else (0, 0)
    return _Side(runs, runs, independent, independent)


def _is_end(node: Node) -> bool:
    """Whether runs took no further step; model calls are none."""
    return node.step is not None and (node.step == END or node.step.kinds[-1] in NOT_STEPS)


def _broke_in_step(node: Node) -> bool:
    return node.step is not None and node.step.failed[-1] and _broken_runs(node).runs > 0


def _is_part_of(other: Node, node: Node) -> bool:
    """Whether runs of one way broke in the very step that the other way is named after."""
    return _names(other) == _names(node) and _broke_in_step(other) and not _broke_in_step(node)


def _is_longest(node: Node, others: Sequence[Node]) -> bool:
    """Whether nobody did this step more often than here."""
    return all(_rounds(other) < _rounds(node) for other in others)


def _rounds(node: Node) -> int:
    return 0 if node.step is None else _BUCKETS.index(node.step.count)


def _rate_difference_bound(failed: int, runs: int, other_failed: int, other_runs: int) -> float:
    """The difference of two rates at its lower bound, each with half a run either way."""
    rate, other_rate = (failed + 0.5) / (runs + 1), (other_failed + 0.5) / (other_runs + 1)
    standard_error = sqrt(rate * (1 - rate) / runs + other_rate * (1 - other_rate) / other_runs)
    return rate - other_rate - Z95_ONE_SIDED * standard_error


def _names(node: Node) -> Sequence[str]:
    return node.step.names if node.step is not None else ()
