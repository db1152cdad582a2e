"""How runs go from step to step, and at which steps they fail, from the roll-ups of patterns.

Everything follows from what each pattern's steps are and how many of its runs failed, so the cost
grows with the number of patterns and not with that of runs. Pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from clustertrace.patterns.recovery import never_recovered
from clustertrace.patterns.signature import Step
from clustertrace.patterns.statistics import Interval, fisher_greater, wilson

__all__ = [
    "END",
    "NONE_BROKE",
    "NONE_TELLING",
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
NONE_BROKE: Final = "no step broke"
NONE_TELLING: Final = "only steps that break in other runs as often"

_MIN_PASSED: Final = 5
"""Runs that took a step and did not fail, without which nobody knows how often it breaks there."""
_SIGNIFICANCE: Final = 0.05

_Named = tuple[tuple[str, str], bool]
"""A step's name and kind, and whether it ended in an error."""


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
    broke_for_good: int
    """Failed runs in which it ended in an error and never worked afterwards."""
    harmless: int
    """Runs in which it ended in an error and that did not fail."""
    taken_in: tuple[str, ...]
    """The ids of the patterns that take it."""
    broke_in: tuple[str, ...]
    """And of those in which it ended in an error."""
    only_in: str | None
    """The one agent of several that take the step in which it broke."""

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
    """Its name, or at place 0 that no step broke, or none that would tell something."""
    runs: int
    """Failed runs of which it was the first."""
    failed_in: tuple[str, ...]
    """The ids of their patterns."""


def step_rates(patterns: Iterable[PatternRuns]) -> list[StepRate]:
    """Error rates by step, most errors first.

    An agent whose own step broke is not counted as broken once more: the error is the step's,
    unless that worked later.
    """
    taken: dict[tuple[str, str], list[PatternRuns]] = defaultdict(list)
    broken: dict[tuple[str, str], list[PatternRuns]] = defaultdict(list)
    failed_for_good: Counter[tuple[str, str]] = Counter()
    for pattern in patterns:
        named = list(_named_steps(pattern.steps))
        lasting = _broken_steps(_lasting(pattern.steps))
        failed_for_good.update(dict.fromkeys(lasting, pattern.failed))
        broke = _broken_steps(named) | lasting
        for part in {part for part, _ in named}:
            taken[part].append(pattern)
            if part in broke:
                broken[part].append(pattern)
    rates = [
        StepRate(
            *part,
            sum(pattern.runs for pattern in takers),
            sum(pattern.runs for pattern in broken[part]),
            sum(pattern.failed for pattern in takers),
            failed_for_good[part],
            sum(pattern.runs - pattern.failed for pattern in broken[part]),
            tuple(pattern.id for pattern in takers),
            tuple(pattern.id for pattern in broken[part]),
            _one_of_several([p.name for p in broken[part]], [p.name for p in takers]),
        )
        for part, takers in taken.items()
    ]
    return sorted(rates, key=lambda rate: (-rate.broke, -rate.runs, rate.name))


def _one_of_several(names: Sequence[str], all_names: Sequence[str]) -> str | None:
    return names[0] if len(set(names)) == 1 < len(set(all_names)) else None


def _named_steps(steps: Sequence[Step]) -> Iterator[_Named]:
    for step in steps:
        for name, failed, kind in zip(step.names, step.failed, step.kinds, strict=True):
            yield (name, kind), failed


def _broken_steps(steps: Sequence[_Named]) -> set[tuple[str, str]]:
    broke = {part for part, failed in steps if failed}
    not_agents = {part for part in broke if part[1] != "agent"}
    return not_agents or broke


def _lasting(steps: Sequence[Step]) -> list[_Named]:
    """The steps, of which only those count as failed that never worked afterwards."""
    named = list(_named_steps(steps))
    return [(part, lasts) for (part, _), lasts in zip(named, never_recovered(named), strict=True)]


def first_failures(patterns: Sequence[PatternRuns]) -> list[FirstFailure]:
    """The first steps of failed runs that broke, in the order of the run.

    An error that a later try made good counts only where there is no other, and an agent's only
    where none of its steps broke; one that runs of the agent have as often that did not fail, not
    at all.
    """
    usual = [_usual_errors(patterns, reading) for reading in _READINGS]
    patterns_by_step: dict[tuple[int, str], list[PatternRuns]] = defaultdict(list)
    for pattern in patterns:
        if not pattern.failed:
            continue
        first, did_break = None, False
        for reading, harmless in zip(_READINGS, usual, strict=True):
            named = reading(pattern.steps)
            broke = _broken_steps(named)
            did_break = did_break or bool(broke)
            broke -= {part for name, part in harmless if name == pattern.name}
            first = first or _first_of(named, broke)
        none = (0, NONE_TELLING if did_break else NONE_BROKE)
        patterns_by_step[first or none].append(pattern)
    return [
        FirstFailure(
            *first,
            sum(pattern.failed for pattern in failing),
            tuple(pattern.id for pattern in failing),
        )
        for first, failing in sorted(patterns_by_step.items())
    ]


def _all_named(steps: Sequence[Step]) -> list[_Named]:
    return list(_named_steps(steps))


_READINGS: Final = (_lasting, _all_named)
"""Steps with the errors that count: those that lasted, else all."""


def _first_of(named: Sequence[_Named], broke: set[tuple[str, str]]) -> tuple[int, str] | None:
    for place, (part, failed) in enumerate(named, 1):
        if failed and part in broke:
            return place, part[0]
    return None


def _usual_errors(
    patterns: Iterable[PatternRuns], reading: Callable[[Sequence[Step]], Sequence[_Named]]
) -> set[tuple[str, tuple[str, str]]]:
    """By agent, the steps whose errors runs have about as often that did not fail."""
    took: Counter[tuple[str, tuple[str, str], bool]] = Counter()
    broke: Counter[tuple[str, tuple[str, str], bool]] = Counter()
    for pattern in patterns:
        named = reading(pattern.steps)
        broken = _broken_steps(named)
        for part in {part for part, _ in named}:
            for did_fail, runs in ((True, pattern.failed), (False, pattern.runs - pattern.failed)):
                took[pattern.name, part, did_fail] += runs
                broke[pattern.name, part, did_fail] += runs * (part in broken)
    usual = set()
    for name, part in {key[:2] for key in broke}:
        failed, passed = broke[name, part, True], broke[name, part, False]
        all_failed, all_passed = took[name, part, True], took[name, part, False]
        is_as_frequent = 2 * passed * all_failed >= failed * all_passed
        if passed and is_as_frequent and all_passed >= _MIN_PASSED:
            p = fisher_greater(failed, all_failed, failed + passed, all_failed + all_passed)
            if p > _SIGNIFICANCE:
                usual.add((name, part))
    return usual


def edges(patterns: Sequence[PatternRuns]) -> list[Edge]:
    """Which step directly follows which, by runs that go this way; the most frequent first."""
    patterns_by_pair: dict[tuple[str, str], list[PatternRuns]] = defaultdict(list)
    for pattern in patterns:
        for pair in _step_pairs(pattern.steps):
            patterns_by_pair[pair].append(pattern)
    all_runs, all_failed = sum(p.runs for p in patterns), sum(p.failed for p in patterns)
    all_edges = []
    for pair, takers in patterns_by_pair.items():
        runs, failed = (
            sum(pattern.runs for pattern in takers),
            sum(pattern.failed for pattern in takers),
        )
        p = fisher_greater(failed, runs, all_failed, all_runs)
        all_edges.append(Edge(*pair, runs, failed, p, tuple(pattern.id for pattern in takers)))
    return sorted(all_edges, key=lambda edge: (-edge.runs, edge.source, edge.target))


def _step_pairs(steps: Sequence[Step]) -> set[tuple[str, str]]:
    """Each pair once a run, however often it goes this way."""
    pairs: set[tuple[str, str]] = set()
    previous = START
    for step in steps:
        names = step.names
        pairs |= {(previous, names[0]), *pairwise(names)}
        if step.count != "1":
            pairs.add((names[-1], names[0]))
        previous = names[-1]
    return pairs | {(previous, END)}


def common_prefix(paths: Iterable[Sequence[Step]]) -> tuple[str, ...]:
    """The steps with which all of these paths begin, a failed one with a `!`."""
    prefix: tuple[str, ...] | None = None
    for path in paths:
        labels = tuple(label for step in path for label in step.labels)
        if prefix is None:
            prefix = labels
        length = 0
        while length < min(len(prefix), len(labels)) and prefix[length] == labels[length]:
            length += 1
        prefix = prefix[:length]
    return prefix or ()
