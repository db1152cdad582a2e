"""What the comparison of habits says, in sentences with their evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clustertrace.prompts.habits import LEAST, Compared, Habits
from clustertrace.telling.words import counted, points, share

__all__ = ["compared_words", "effect_words", "habit_headline"]

_ABSENCE: Final = "no-"


def habit_headline(habits: Habits) -> str:
    """The page in one sentence: the clearest habit, or why there is none."""
    if not habits.prompts:
        return "No prompt of yours has been seen yet."
    first = next((one for one in habits.compared if one.significant), None)
    if first is not None:
        often = "more" if first.difference > 0 else "less"
        return (
            f"Prompts that {first.habit.words} come to dead ends {often} often: "
            f"{share(round(first.rate_dead, 2))} of the dead ends, "
            f"{share(round(first.rate_succeeded, 2))} of the successes."
        )
    seen = f"{counted(habits.prompts, 'prompt')}, of which {habits.dead:,} came to a dead end"
    if any(one.enough for one in habits.compared):
        return f"No habit of yours goes along with dead ends: {seen}."
    return f"There is not enough data to compare habits: {seen}."


def compared_words(one: Compared) -> str:
    """One habit with its evidence."""
    if not one.enough:
        return f"Not enough data: {LEAST} or more with it, without it, and on each side are needed."
    low, high = one.interval
    return (
        f"{one.dead_with:,} of {one.dead:,} dead ends, {one.succeeded_with:,} of "
        f"{one.succeeded:,} successes; difference {points(one.difference)} points "
        f"(95 % interval {points(low)} to {points(high)}), p {one.p:.2g}"
    )


def effect_words(rule: str, habits: Habits) -> str:
    """What a finding of the linter has to do with dead ends in the user's own data."""
    one = _of_rule(habits).get(rule)
    if one is None or not one.enough:
        runs = 0 if one is None else one.dead + one.succeeded
        return f"In your data: not enough to tell ({counted(runs, 'prompt')})."
    absent = rule.startswith(_ABSENCE)
    # Lacking a strength is the opposite of having it.
    difference = -one.difference if absent else one.difference
    verb = "lack" if absent else "have"
    dead, passed = one.rate_dead, one.rate_succeeded
    if absent:
        dead, passed = 1 - dead, 1 - passed
    said = (
        f"{share(round(dead, 2))} of {one.dead:,} dead-ended prompts {verb} it, "
        f"{share(round(passed, 2))} of {one.succeeded:,} that succeeded"
    )
    if not one.significant:
        return f"In your data: no evidence of an effect; {said}."
    which = "dead ends" if difference > 0 else "success"
    return f"In your data: goes along with {which}; {said}."


def _of_rule(habits: Habits) -> Mapping[str, Compared]:
    """Each habit by the name of the finding that it belongs to."""
    found = {}
    for one in habits.compared:
        name = one.habit.name
        found[_ABSENCE + name if one.habit.good else name] = one
    return found
