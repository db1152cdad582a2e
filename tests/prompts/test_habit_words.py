"""Habits in sentences."""

from __future__ import annotations

from clustertrace.prompts.habit_words import compared_words, effect_words, habit_headline
from clustertrace.prompts.habits import compare
from tests.prompts.test_habits import compared_prompts, noted


def test_the_headline_is_the_clearest_habit() -> None:
    """Its direction and both shares; without one, why."""
    assert habit_headline(compared_prompts(100)) == (
        "Prompts that hedge come to dead ends more often: 80 % of the dead ends, 20 % of the "
        "successes."
    )
    assert habit_headline(compare([])) == "No prompt of yours has been seen yet."
    assert "not enough data" in habit_headline(compared_prompts(6))
    even = compare(
        [noted(n, {"hedging"} if n % 4 < 2 else set(), dead=n % 2 == 0) for n in range(80)]
    )
    assert habit_headline(even) == (
        "No habit of yours goes along with dead ends: 80 prompts, of which 40 came to a dead end."
    )


def test_evidence_stands_with_a_habit() -> None:
    """Counts, difference, interval and p; or that the data is thin."""
    [hedging] = compared_prompts(100).drop
    assert compared_words(hedging).startswith(
        "40 of 50 dead ends, 10 of 50 successes; difference +60 points (95 % interval +42 to +72)"
    )
    assert compared_words(compared_prompts(6).compared[0]).startswith("Not enough data")


def test_a_finding_tells_its_effect_in_the_users_data() -> None:
    """A bad habit as it is, the absence of a strength the other way round."""
    found = compared_prompts(100)
    assert effect_words("hedging", found) == (
        "In your data: goes along with dead ends; 80 % of 50 dead-ended prompts have it, 20 % of "
        "50 that succeeded."
    )
    assert effect_words("no-target", found) == (
        "In your data: goes along with dead ends; 80 % of 50 dead-ended prompts lack it, 20 % of "
        "50 that succeeded."
    )
    assert "not enough to tell" in effect_words("shouting", found)
    assert "not enough to tell" in effect_words("no-such-rule", found)
