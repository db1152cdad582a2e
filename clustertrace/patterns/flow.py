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
        if pattern.failed:
            patterns_by_step[_first_failure(pattern, usual)].append(pattern)
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

_OfAgent = tuple[str, tuple[str, str]]
"""A step's name and kind, and the agent's name before them."""


def _first_failure(pattern: PatternRuns, usual: Sequence[set[_OfAgent]]) -> tuple[int, str]:
    """The place and name of the step that counts; 0 if none does."""
    if not _has_errors(pattern):
        return 0, NONE_BROKE
    for reading, usual_errors in zip(_READINGS, usual, strict=True):
        named = reading(pattern.steps)
        broke = {part for part in _broken_steps(named) if (pattern.name, part) not in usual_errors}
        for place, (part, failed) in enumerate(named, 1):
            if failed and part in broke:
                return place, part[0]
    return 0, NONE_TELLING


def _has_errors(pattern: PatternRuns) -> bool:
    return any(True in step.failed for step in pattern.steps)


def _usual_errors(
    patterns: Sequence[PatternRuns], reading: Callable[[Sequence[Step]], Sequence[_Named]]
) -> set[_OfAgent]:
    """The steps whose errors runs have about as often that did not fail."""
    broke = _count_runs(
        (pattern, _broken_steps(reading(pattern.steps)))
        for pattern in patterns
        if _has_errors(pattern)
    )
    harmless = {of_agent for of_agent, (_, passed) in broke.items() if passed}
    if not harmless:
        return set()
    took = _count_runs(
        (pattern, {part for part, _ in _named_steps(pattern.steps)}) for pattern in patterns
    )
    return {of_agent for of_agent in harmless if _is_usual(broke[of_agent], took[of_agent])}


def _count_runs(
    parts: Iterable[tuple[PatternRuns, Iterable[tuple[str, str]]]],
) -> dict[_OfAgent, tuple[int, int]]:
    """The runs that failed and that did not, of the patterns with each step, by agent."""
    failed: Counter[_OfAgent] = Counter()
    passed: Counter[_OfAgent] = Counter()
    for pattern, steps in parts:
        for part in steps:
            failed[pattern.name, part] += pattern.failed
            passed[pattern.name, part] += pattern.runs - pattern.failed
    return {of_agent: (failed[of_agent], passed[of_agent]) for of_agent in failed}


def _is_usual(broke: tuple[int, int], took: tuple[int, int]) -> bool:
    """Whether runs that did not fail broke in a step about as often, of those that took it."""
    (failed, passed), (all_failed, all_passed) = broke, took
    if all_passed < _MIN_PASSED or 2 * passed * all_failed < failed * all_passed:
        return False
    p = fisher_greater(failed, all_failed, failed + passed, all_failed + all_passed)
    return p > _SIGNIFICANCE


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
