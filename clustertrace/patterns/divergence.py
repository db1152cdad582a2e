"""Where the paths of an agent's runs diverge, and at which step the chance of failing jumps most.

The steps of all runs of one root name are laid over each other as a tree: runs share a node as
long as they did the same, loops with the same count bucket included. At each branching the runs
that go one way are tested against those that go another (Fisher's exact test, one-sided, corrected
over all branches); the largest significant jump, at its lower bound, is where to look first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final, NamedTuple

from clustertrace.patterns.rules import Q
from clustertrace.patterns.signature import Step
from clustertrace.patterns.statistics import Z95_ONE_SIDED, benjamini_hochberg, fisher_greater

__all__ = ["END", "Divergence", "Node", "Path", "divergence", "tree"]

END: Final = Step(("end",), (False,), ("",), "1")
"""The branch of the runs that took no further step."""

_LEAST_RUNS: Final = 3
"""Runs that must go one way, and runs that must go another."""
_DEEPEST: Final = 60
"""Steps of a path; paths that agree for so long are taken for one."""


class Path(NamedTuple):
    """Runs that took the same steps."""

    steps: tuple[Step, ...]
    runs: int
    failed: int
    independent_failed: int
    """Sessions with a failed run: what tests count, since runs of one are not independent."""
    independent_passed: int


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

    @property
    def rate(self) -> float:
        """The share of its runs that failed, 0 to 1."""
        return self.failed / self.runs if self.runs else 0.0

    def ranked(self) -> list[Node]:
        """Its branches, the one with most failures first, then the one with most runs."""
        return sorted(
            self.children.values(), key=lambda node: (-node.failed, -node.runs, _key(node))
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


def tree(paths: Iterable[Path]) -> Node:
    """Lay paths over each other."""
    root = Node(None)
    for path in paths:
        _walk(root, path)
    return root


def _walk(node: Node, path: Path) -> None:
    end = () if len(path.steps) > _DEEPEST else (END,)
    for step in (None, *path.steps[:_DEEPEST], *end):
        if step is not None:
            node = node.children.setdefault(step, Node(step))
        node.runs += path.runs
        node.failed += path.failed
        failed, runs = node.independent
        tested = path.independent_failed + path.independent_passed
        node.independent = (failed + path.independent_failed, runs + tested)


class _Branch(NamedTuple):
    p: float
    jump: float
    parent: Node
    node: Node
    path: tuple[Step, ...]


def divergence(root: Node, through: Sequence[Step] = ()) -> Divergence | None:
    """The branch with the largest significant jump; None where no branch is significant.

    A branch on the way `through` these steps, those of a pattern, is preferred, if it is at least
    half as large as the largest.
    """
    branches = [branch for parent, path in _nodes(root) for branch in _branches(parent, path)]
    bound = benjamini_hochberg([branch.p for branch in branches], Q)
    found = [branch for branch in branches if branch.p <= bound and branch.jump > 0]
    if not found:
        return None
    way = (*through, END)
    ranked = sorted(found, key=lambda one: (-one.jump, len(one.path), one.p))
    own = (one for one in ranked if way[: len(one.path) + 1] == (*one.path, one.node.step))
    best = next((one for one in own if one.jump >= ranked[0].jump / 2), ranked[0])
    parent, node = best.parent, best.node
    assert node.step is not None
    others = sorted(parent.children.values(), key=lambda other: (-other.runs, _key(other)))
    return Divergence(
        best.path,
        node.step,
        node.failed,
        node.runs,
        parent.failed - node.failed,
        parent.runs - node.runs,
        best.p,
        tuple(other.step for other in others if other is not node and other.step is not None),
    )


def _nodes(root: Node) -> Iterator[tuple[Node, tuple[Step, ...]]]:
    """Every node where paths part, with the way to it."""
    waiting: list[tuple[Node, tuple[Step, ...]]] = [(root, ())]
    while waiting:
        node, path = waiting.pop()
        if len(node.children) > 1:
            yield node, path
        waiting += [
            (child, (*path, step)) for step, child in node.children.items() if child.runs > 1
        ]


def _branches(parent: Node, path: tuple[Step, ...]) -> Iterator[_Branch]:
    all_failed, all_runs = parent.independent
    for node in parent.children.values():
        failed, runs = node.independent
        if runs < _LEAST_RUNS or all_runs - runs < _LEAST_RUNS:
            continue
        other = (all_failed - failed, all_runs - runs)
        jump = _lower(failed, runs, *other)
        yield _Branch(fisher_greater(failed, runs, all_failed, all_runs), jump, parent, node, path)


def _lower(failed: int, runs: int, other_failed: int, other_runs: int) -> float:
    """The difference of two rates at its lower bound, each with half a run either way."""
    one, other = (failed + 0.5) / (runs + 1), (other_failed + 0.5) / (other_runs + 1)
    noise = sqrt(one * (1 - one) / runs + other * (1 - other) / other_runs)
    return one - other - Z95_ONE_SIDED * noise


def _key(node: Node) -> Sequence[str]:
    return node.step.names if node.step is not None else ()
