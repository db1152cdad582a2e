"""The comparison of habits in sentences, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clustertrace.prompts.habits import LEAST, Compared, Habits
from clustertrace.telling.words import counted, points, share

__all__ = ["compared_words", "effect_words", "habit_headline"]

_ABSENCE_PREFIX: Final = "no-"


def habit_headline(habits: Habits) -> str:
    """The page in one sentence: the clearest habit, or why there is none."""
    if not habits.prompts:
        return "No prompt of yours has been seen yet."
    clearest = next((comparison for comparison in habits.compared if comparison.significant), None)
    if clearest is not None:
        direction = "more" if clearest.difference > 0 else "less"
        return (
            f"Prompts that {clearest.habit.words} come to dead ends {direction} often: "
            f"{share(round(clearest.rate_dead, 2))} of the dead ends, "
            f"{share(round(clearest.rate_succeeded, 2))} of the successes."
        )
    dead = f"{habits.dead:,}" if habits.dead else "none"
    seen = f"{counted(habits.prompts, 'prompt')}, of which {dead} came to a dead end"
    if any(comparison.enough for comparison in habits.compared):
        return f"No habit of yours goes along with dead ends: {seen}."
    return f"There is not enough data to compare habits: {seen}."


def compared_words(comparison: Compared) -> str:
    """One habit with its evidence."""
    if not comparison.enough:
        return f"Not enough data: {LEAST} or more with it, without it, and on each side are needed."
    low, high = comparison.interval
    return (
        f"{comparison.dead_with:,} of {comparison.dead:,} dead ends, "
        f"{comparison.succeeded_with:,} of {comparison.succeeded:,} successes; "
        f"difference {points(comparison.difference)} points "
        f"(95 % interval {points(low)} to {points(high)}), p {comparison.p:.2g}"
    )


def effect_words(rule: str, habits: Habits) -> str:
    """How a finding of the linter relates to dead ends in the user's own data."""
    comparison = _by_rule_name(habits).get(rule)
    if comparison is None or not comparison.enough:
        runs = 0 if comparison is None else comparison.dead + comparison.succeeded
        return f"In your data: not enough to tell ({counted(runs, 'prompt')})."
    is_absence = rule.startswith(_ABSENCE_PREFIX)
    # A finding about an absence is the opposite of having the habit.
    difference = -comparison.difference if is_absence else comparison.difference
    verb = "lack" if is_absence else "have"
    dead, passed = comparison.rate_dead, comparison.rate_succeeded
    if is_absence:
        dead, passed = 1 - dead, 1 - passed
    shares = (
        f"{share(round(dead, 2))} of {comparison.dead:,} dead-ended prompts {verb} it, "
        f"{share(round(passed, 2))} of {comparison.succeeded:,} that succeeded"
    )
    if not comparison.significant:
        return f"In your data: no evidence of an effect; {shares}."
    associated = "dead ends" if difference > 0 else "success"
    return f"In your data: goes along with {associated}; {shares}."


def _by_rule_name(habits: Habits) -> Mapping[str, Compared]:
    """The habits by the name of their finding."""
    by_rule = {}
    for comparison in habits.compared:
        name = comparison.habit.name
        by_rule[_ABSENCE_PREFIX + name if comparison.habit.good else name] = comparison
    return by_rule
