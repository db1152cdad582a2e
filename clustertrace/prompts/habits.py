"""Compare habits between prompts of runs that succeeded and of runs that came to a dead end.

A habit is a rule or a strength of the linter. For each prompt two bit sets are stored: the habits
that it has, and those that it could have but has not; a question needs no acceptance criterion, for
example, so it counts in neither. Prompts of one session, or with the same text, are not
independent: per session and per text only one prompt that succeeded and one that did not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from clustertrace.patterns.statistics import (
    Interval,
    benjamini_hochberg,
    fisher_two_sided,
    newcombe,
)
from clustertrace.prompts.draft import read
from clustertrace.prompts.lint import RULES, STRENGTHS, knows

__all__ = ["HABITS", "VERSION", "Compared", "Habit", "Habits", "Noted", "compare", "habits_of"]

VERSION: Final = 1
"""Increase with every change of `HABITS` or of a rule; bits of other versions are ignored."""

LEAST: Final = 8
"""A habit is tested only if at least so many independent prompts have it, so many do not, and each
group has so many."""
FALSE_DISCOVERIES: Final = 0.05
_EXAMPLES: Final = 3


class Habit(NamedTuple):
    """A rule or a strength of the linter."""

    name: str
    words: str
    """What prompts with it do, such as `use vague verbs`."""
    good: bool
    """Whether it is one of the linter's strengths."""


HABITS: Final[Sequence[Habit]] = (
    *(Habit(rule.name, rule.habit, False) for rule in RULES),
    *(Habit(strength.name, strength.habit, True) for strength in STRENGTHS),
)
"""In the order of their bits."""


class Noted(NamedTuple):
    """What is stored about a prompt."""

    trace_id: str
    has: int
    lacks: int
    dead_end: str | None
    kin: int
    """Equal for prompts of one session."""
    text_hash: int
    """Equal for prompts with the same text."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A habit, compared between both groups."""

    habit: Habit
    succeeded_with: int
    succeeded: int
    """Independent prompts of runs that succeeded and could have it."""
    dead_with: int
    dead: int
    """The same for runs that came to a dead end."""
    difference: float
    """Share of the dead-ended prompts that have it, less that of the others; -1 to 1."""
    interval: Interval
    """95 % interval of the difference, Newcombe's."""
    p: float
    enough: bool
    significant: bool
    """After Benjamini and Hochberg's correction over all habits that could be tested."""
    examples_dead: tuple[str, ...]
    """Ids of the newest runs with it that came to a dead end."""
    examples_succeeded: tuple[str, ...]

    @property
    def rate_succeeded(self) -> float:
        """The share of prompts that succeeded which have it."""
        return self.succeeded_with / self.succeeded if self.succeeded else 0.0

    @property
    def rate_dead(self) -> float:
        """The share of prompts that came to a dead end which have it."""
        return self.dead_with / self.dead if self.dead else 0.0


@dataclass(frozen=True, slots=True)
class Habits:
    """All habits, the clearest difference first; those without enough data last."""

    prompts: int
    dead: int
    independent: int
    """How many prompts count, at most one per session, text and result."""
    compared: tuple[Compared, ...]

    @property
    def keep(self) -> tuple[Compared, ...]:
        """Habits that are associated with success."""
        return tuple(
            comparison
            for comparison in self.compared
            if comparison.significant and comparison.difference < 0
        )

    @property
    def drop(self) -> tuple[Compared, ...]:
        """Habits that are associated with dead ends."""
        return tuple(
            comparison
            for comparison in self.compared
            if comparison.significant and comparison.difference > 0
        )


@lru_cache(maxsize=256)  # evaluations repeat the same prompts
def habits_of(text: str) -> tuple[int, int]:
    """Bits of the habits that a prompt has, and of those that it could have but has not."""
    draft = read(text)
    has = lacks = 0
    for bit, rule in enumerate(RULES):
        if knows(rule, draft):
            holds = rule.holds(draft)
            has |= holds << bit
            lacks |= (not holds) << bit
    for bit, strength in enumerate(STRENGTHS, len(RULES)):
        if knows(strength, draft):
            present = strength.present(draft)
            has |= present << bit
            lacks |= (not present and strength.helps(draft)) << bit
    return has, lacks


def compare(prompts: Iterable[Noted]) -> Habits:
    """Compare the groups; prompts come newest first."""
    all_prompts = list(prompts)
    independent = _independent(all_prompts)
    comparisons = [_compared(habit, 1 << bit, independent) for bit, habit in enumerate(HABITS)]
    tested = [comparison.p for comparison in comparisons if comparison.enough]
    bound = benjamini_hochberg(tested, FALSE_DISCOVERIES)
    gated = [
        replace(comparison, significant=comparison.enough and comparison.p <= bound)
        for comparison in comparisons
    ]
    gated.sort(
        key=lambda comparison: (
            not comparison.enough,
            comparison.p,
            -abs(comparison.difference),
            comparison.habit.name,
        )
    )
    dead = sum(1 for prompt in all_prompts if prompt.dead_end is not None)
    return Habits(len(all_prompts), dead, len(independent), tuple(gated))


def _independent(prompts: Iterable[Noted]) -> list[Noted]:
    """The first prompt per session and per text, separately for each result."""
    sessions: set[tuple[int, bool]] = set()
    texts: set[tuple[int, bool]] = set()
    independent = []
    for prompt in prompts:
        dead = prompt.dead_end is not None
        if (prompt.kin, dead) not in sessions and (prompt.text_hash, dead) not in texts:
            sessions.add((prompt.kin, dead))
            texts.add((prompt.text_hash, dead))
            independent.append(prompt)
    return independent


def _compared(habit: Habit, bit: int, prompts: Sequence[Noted]) -> Compared:
    eligible = [prompt for prompt in prompts if (prompt.has | prompt.lacks) & bit]
    with_habit = [prompt for prompt in eligible if prompt.has & bit]
    dead = sum(1 for prompt in eligible if prompt.dead_end is not None)
    dead_with = sum(1 for prompt in with_habit if prompt.dead_end is not None)
    succeeded, succeeded_with = len(eligible) - dead, len(with_habit) - dead_with
    rates = (dead_with / dead if dead else 0.0, succeeded_with / succeeded if succeeded else 0.0)
    return Compared(
        habit,
        succeeded_with,
        succeeded,
        dead_with,
        dead,
        rates[0] - rates[1],
        newcombe(dead_with, dead, succeeded_with, succeeded),
        fisher_two_sided(dead_with, len(with_habit), dead, len(eligible)),
        min(len(with_habit), len(eligible) - len(with_habit), dead, succeeded) >= LEAST,
        False,
        _newest(with_habit, dead=True),
        _newest(with_habit, dead=False),
    )


def _newest(prompts: Sequence[Noted], *, dead: bool) -> tuple[str, ...]:
    ids = [prompt.trace_id for prompt in prompts if (prompt.dead_end is not None) is dead]
    return tuple(ids[:_EXAMPLES])
