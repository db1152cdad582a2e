"""Which habits go along with failing: prompts of runs that succeeded against those that did not.

A habit is a rule or a strength of the linter. For each prompt two sets are stored, as bits: the
habits that it has, and those that it could have but has not; a question needs no acceptance
criterion, so it counts on neither side there. Prompts of one session, or of one text, are not
independent: for each session and each text only one prompt that succeeded and one that did not
count.
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
"""Grows with every change of `HABITS` or of a rule: bits of another version are not read."""

LEAST: Final = 8
"""Independent prompts that must have a habit, and that must not, before it is tested; and that
each group must hold."""
FALSE_DISCOVERIES: Final = 0.05
_EXAMPLES: Final = 3


class Habit(NamedTuple):
    """A rule or a strength of the linter."""

    name: str
    words: str
    """What prompts with it do: `use vague verbs`."""
    good: bool
    """The linter takes it for a strength."""


HABITS: Final[Sequence[Habit]] = (
    *(Habit(rule.name, rule.habit, False) for rule in RULES),
    *(Habit(one.name, one.habit, True) for one in STRENGTHS),
)
"""In the order of their bits."""


class Noted(NamedTuple):
    """What is kept of a prompt."""

    trace_id: str
    has: int
    lacks: int
    dead_end: str | None
    kin: int
    """Equal for prompts of one session."""
    text_hash: int
    """Equal for prompts of one text."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One habit in both groups."""

    habit: Habit
    succeeded_with: int
    succeeded: int
    """Independent prompts of runs that succeeded and could have it."""
    dead_with: int
    dead: int
    """The same of runs that came to a dead end."""
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
        """Of the prompts that succeeded, the share that has it."""
        return self.succeeded_with / self.succeeded if self.succeeded else 0.0

    @property
    def rate_dead(self) -> float:
        """Of the prompts that came to a dead end, the share that has it."""
        return self.dead_with / self.dead if self.dead else 0.0


@dataclass(frozen=True, slots=True)
class Habits:
    """All habits, the clearest difference first; those without enough data last."""

    prompts: int
    dead: int
    independent: int
    """Of the prompts, those that stand for their session and their text."""
    compared: tuple[Compared, ...]

    @property
    def keep(self) -> tuple[Compared, ...]:
        """Habits of prompts that succeeded."""
        return tuple(one for one in self.compared if one.significant and one.difference < 0)

    @property
    def drop(self) -> tuple[Compared, ...]:
        """Habits of prompts that came to a dead end."""
        return tuple(one for one in self.compared if one.significant and one.difference > 0)


@lru_cache(maxsize=256)  # evaluations ask the same again and again
def habits_of(text: str) -> tuple[int, int]:
    """The bits of the habits that a prompt has, and of those that it could have and has not."""
    draft = read(text)
    has = lacks = 0
    for at, rule in enumerate(RULES):
        if knows(rule, draft):
            found = rule.holds(draft)
            has |= found << at
            lacks |= (not found) << at
    for at, strength in enumerate(STRENGTHS, len(RULES)):
        if knows(strength, draft):
            present = strength.present(draft)
            has |= present << at
            lacks |= (not present and strength.helps(draft)) << at
    return has, lacks


def compare(prompts: Iterable[Noted]) -> Habits:
    """Compare the groups; prompts come newest first."""
    every = list(prompts)
    counted = _independent(every)
    made = [_compared(habit, 1 << at, counted) for at, habit in enumerate(HABITS)]
    tested = [one.p for one in made if one.enough]
    bound = benjamini_hochberg(tested, FALSE_DISCOVERIES)
    gated = [replace(one, significant=one.enough and one.p <= bound) for one in made]
    gated.sort(key=lambda one: (not one.enough, one.p, -abs(one.difference), one.habit.name))
    dead = sum(1 for prompt in every if prompt.dead_end is not None)
    return Habits(len(every), dead, len(counted), tuple(gated))


def _independent(prompts: Iterable[Noted]) -> list[Noted]:
    """The first prompt of each session and of each text, among either result."""
    sessions: set[tuple[int, bool]] = set()
    texts: set[tuple[int, bool]] = set()
    found = []
    for prompt in prompts:
        dead = prompt.dead_end is not None
        if (prompt.kin, dead) not in sessions and (prompt.text_hash, dead) not in texts:
            sessions.add((prompt.kin, dead))
            texts.add((prompt.text_hash, dead))
            found.append(prompt)
    return found


def _compared(habit: Habit, bit: int, prompts: Sequence[Noted]) -> Compared:
    able = [prompt for prompt in prompts if (prompt.has | prompt.lacks) & bit]
    having = [prompt for prompt in able if prompt.has & bit]
    dead = sum(1 for prompt in able if prompt.dead_end is not None)
    dead_with = sum(1 for prompt in having if prompt.dead_end is not None)
    succeeded, succeeded_with = len(able) - dead, len(having) - dead_with
    rates = (dead_with / dead if dead else 0.0, succeeded_with / succeeded if succeeded else 0.0)
    return Compared(
        habit,
        succeeded_with,
        succeeded,
        dead_with,
        dead,
        rates[0] - rates[1],
        newcombe(dead_with, dead, succeeded_with, succeeded),
        fisher_two_sided(dead_with, len(having), dead, len(able)),
        min(len(having), len(able) - len(having), dead, succeeded) >= LEAST,
        False,
        _newest(having, dead=True),
        _newest(having, dead=False),
    )


def _newest(prompts: Sequence[Noted], *, dead: bool) -> tuple[str, ...]:
    ids = [prompt.trace_id for prompt in prompts if (prompt.dead_end is not None) is dead]
    return tuple(ids[:_EXAMPLES])
