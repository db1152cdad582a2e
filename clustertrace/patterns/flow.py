"""How runs go from step to step, and at which steps they fail, from the roll-ups of patterns.

Everything follows from what each pattern's steps are and how many of its runs failed, so the cost
grows with the number of patterns and not with that of runs. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from clustertrace.patterns.signature import Step
from clustertrace.patterns.statistics import Interval, fisher_greater, wilson

__all__ = [
    "END",
    "START",
    "Edge",
    "FirstFailure",
    "PatternRuns",
    "StepRate",
    "common_prefix",
    "edges",
    "first_failures",
    "step_rates",
]

START, END = "▶ start", "■ end"
"""Where every run comes from and goes to; no step is called so."""


@dataclass(frozen=True, slots=True)
class PatternRuns:
    """A pattern and its finished runs."""

    id: str
    name: str
    steps: tuple[Step, ...]
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class StepRate:
    """How often a step ended in an error."""

    name: str
    kind: str
    runs: int
    """Finished runs that took the step."""
    broke: int
    """Runs in which it ended in an error."""
    failed: int
    """Runs that took the step and failed as a whole."""
    taken_in: tuple[str, ...]
    """The ids of the patterns that take it."""
    broke_in: tuple[str, ...]
    """And of those in which it ended in an error."""

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval of the error rate."""
        return wilson(self.broke, self.runs)


@dataclass(frozen=True, slots=True)
class Edge:
    """One step directly after another."""

    source: str
    target: str
    runs: int
    failed: int
    p: float
    """Fisher's exact test, one-sided: runs that go this way fail more often than the others."""
    taken_in: tuple[str, ...]
    """The ids of the patterns that go this way."""


@dataclass(frozen=True, slots=True)
class FirstFailure:
    """A step that was the first to end in an error."""

    place: int
    """Which step of the run it is, from 1; 0 where none did: only the run as a whole failed."""
    name: str
    runs: int
    """Failed runs of which it was the first."""
    failed_in: tuple[str, ...]
    """The ids of their patterns."""


def step_rates(patterns: Iterable[PatternRuns]) -> list[StepRate]:
    """Error rates by step, most errors first.

    An agent whose own step broke is not counted as broken once more: the error is the step's.
    """
    taken: dict[tuple[str, str], list[PatternRuns]] = defaultdict(list)
    broken: dict[tuple[str, str], list[PatternRuns]] = defaultdict(list)
    for one in patterns:
        broke = _broken(one.steps)
        for part in {part[0] for part in _parts(one.steps)}:
            taken[part].append(one)
            if part in broke:
                broken[part].append(one)
    rates = [
        StepRate(
            *part,
            sum(one.runs for one in those),
            sum(one.runs for one in broken[part]),
            sum(one.failed for one in those),
            tuple(one.id for one in those),
            tuple(one.id for one in broken[part]),
        )
        for part, those in taken.items()
    ]
    return sorted(rates, key=lambda rate: (-rate.broke, -rate.runs, rate.name))


def _parts(steps: Sequence[Step]) -> Iterator[tuple[tuple[str, str], bool]]:
    for step in steps:
        for name, failed, kind in zip(step.names, step.failed, step.kinds, strict=True):
            yield (name, kind), failed


def _broken(steps: Sequence[Step]) -> set[tuple[str, str]]:
    broke = {part for part, failed in _parts(steps) if failed}
    own = {part for part in broke if part[1] != "agent"}
    return own or broke


def first_failures(patterns: Iterable[PatternRuns]) -> list[FirstFailure]:
    """The first steps of failed runs that ended in an error, in the order of the run."""
    found: dict[tuple[int, str], list[PatternRuns]] = defaultdict(list)
    for one in patterns:
        if one.failed:
            found[_first_broken(one.steps)].append(one)
    return [
        FirstFailure(*first, sum(one.failed for one in those), tuple(one.id for one in those))
        for first, those in sorted(found.items())
    ]


def _first_broken(steps: Sequence[Step]) -> tuple[int, str]:
    for at, (part, failed) in enumerate(_parts(steps), 1):
        if failed:
            return at, part[0]
    return 0, "no step broke"


def edges(patterns: Sequence[PatternRuns]) -> list[Edge]:
    """Which step directly follows which, by runs that go this way; the most frequent first."""
    ways: dict[tuple[str, str], list[PatternRuns]] = defaultdict(list)
    for one in patterns:
        for pair in _pairs(one.steps):
            ways[pair].append(one)
    all_runs, all_failed = sum(p.runs for p in patterns), sum(p.failed for p in patterns)
    found = []
    for pair, those in ways.items():
        runs, failed = sum(one.runs for one in those), sum(one.failed for one in those)
        p = fisher_greater(failed, runs, all_failed, all_runs)
        found.append(Edge(*pair, runs, failed, p, tuple(one.id for one in those)))
    return sorted(found, key=lambda edge: (-edge.runs, edge.source, edge.target))


def _pairs(steps: Sequence[Step]) -> set[tuple[str, str]]:
    """Each pair once a run, however often it goes this way."""
    pairs: set[tuple[str, str]] = set()
    before = START
    for step in steps:
        names = step.names
        pairs |= {(before, names[0]), *pairwise(names)}
        if step.count != "1":
            pairs.add((names[-1], names[0]))
        before = names[-1]
    return pairs | {(before, END)}


def common_prefix(paths: Iterable[Sequence[Step]]) -> tuple[str, ...]:
    """The steps with which all of these paths begin, a failed one with a `!`."""
    shared: tuple[str, ...] | None = None
    for path in paths:
        labels = tuple(label for step in path for label in step.labels)
        if shared is None:
            shared = labels
        same = 0
        while same < min(len(shared), len(labels)) and shared[same] == labels[same]:
            same += 1
        shared = shared[:same]
    return shared or ()
