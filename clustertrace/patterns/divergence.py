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

_MIN_RUNS: Final = 3
"""Runs that must go one way, and runs that must go another."""
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
            self.children.values(), key=lambda node: (-node.failed, -node.runs, _names_key(node))
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
    branches = [
        branch for parent, path in _branching_nodes(root) for branch in _branches(parent, path)
    ]
    bound = benjamini_hochberg([branch.p for branch in branches], Q)
    significant = [branch for branch in branches if branch.p <= bound and branch.jump > 0]
    if not significant:
        return None
    pattern_path = (*through, END)
    ranked = sorted(significant, key=lambda branch: (-branch.jump, len(branch.path), branch.p))
    on_path = (
        branch
        for branch in ranked
        if pattern_path[: len(branch.path) + 1] == (*branch.path, branch.node.step)
    )
    best = next((branch for branch in on_path if branch.jump >= ranked[0].jump / 2), ranked[0])
    parent, node = best.parent, best.node
    assert node.step is not None
    others = sorted(parent.children.values(), key=lambda other: (-other.runs, _names_key(other)))
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


def _branching_nodes(root: Node) -> Iterator[tuple[Node, tuple[Step, ...]]]:
    """Every node where paths part, with the way to it."""
    stack: list[tuple[Node, tuple[Step, ...]]] = [(root, ())]
    while stack:
        node, path = stack.pop()
        if len(node.children) > 1:
            yield node, path
        stack += [(child, (*path, step)) for step, child in node.children.items() if child.runs > 1]


def _branches(parent: Node, path: tuple[Step, ...]) -> Iterator[_Branch]:
    all_failed, all_runs = parent.independent
    for node in parent.children.values():
        failed, runs = node.independent
        if runs < _MIN_RUNS or all_runs - runs < _MIN_RUNS:
            continue
        other_counts = (all_failed - failed, all_runs - runs)
        jump = _rate_difference_bound(failed, runs, *other_counts)
        yield _Branch(fisher_greater(failed, runs, all_failed, all_runs), jump, parent, node, path)


def _rate_difference_bound(failed: int, runs: int, other_failed: int, other_runs: int) -> float:
    """The difference of two rates at its lower bound, each with half a run either way."""
    rate, other_rate = (failed + 0.5) / (runs + 1), (other_failed + 0.5) / (other_runs + 1)
    standard_error = sqrt(rate * (1 - rate) / runs + other_rate * (1 - other_rate) / other_runs)
    return rate - other_rate - Z95_ONE_SIDED * standard_error


def _names_key(node: Node) -> Sequence[str]:
    return node.step.names if node.step is not None else ()
