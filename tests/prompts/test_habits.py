"""Habits that go along with dead ends."""

from __future__ import annotations

import random

import pytest

from clustertrace.prompts.habits import HABITS, VERSION, Habits, Noted, compare, habits_of

BIT = {habit.name: 1 << at for at, habit in enumerate(HABITS)}
ALL = (1 << len(HABITS)) - 1


def noted(
    number: int, names: set[str], *, dead: bool, kin: int | None = None, text: int | None = None
) -> Noted:
    """Make a prompt with these habits and no others."""
    has = sum(BIT[name] for name in names)
    kin, text = (number if one is None else one for one in (kin, text))
    return Noted(f"{number:032x}", has, ALL & ~has, "error" if dead else None, kin, text)


def compared_prompts(count: int, kin: int | None = None, text: int | None = None) -> Habits:
    """Compare prompts of which the hedging ones mostly fail, and those with a target don't."""
    prompts = []
    for number in range(count):
        dead = number % 2 == 0
        names = {"hedging"} if dead == (number % 10 < 8) else {"target"}
        prompts.append(noted(number, names, dead=dead, kin=kin, text=text))
    return compare(prompts)


def test_clear_habits_are_kept_and_dropped() -> None:
    """A habit of dead ends is to drop, one of successes to keep, with rates, interval, examples."""
    found = compared_prompts(100)
    [drop], [keep] = found.drop, found.keep
    assert (drop.habit.name, keep.habit.name) == ("hedging", "target")
    assert (drop.dead_with, drop.dead, drop.succeeded_with, drop.succeeded) == (40, 50, 10, 50)
    assert drop.difference == pytest.approx(0.6)
    assert drop.interval.low < 0.6 < drop.interval.high
    assert drop.interval.low > 0
    assert len(drop.examples_dead) == 3
    assert (found.prompts, found.dead, found.independent) == (100, 50, 100)


def test_few_prompts_are_not_enough() -> None:
    """Below eight on any side nothing is tested, whatever the rates."""
    found = compared_prompts(14)
    assert found.drop == found.keep == ()
    assert not any(one.enough for one in found.compared)
    assert not any(one.significant for one in compare([]).compared)


@pytest.mark.parametrize("of", [{"kin": 7}, {"text": 7}])
def test_prompts_of_a_kin_count_once_a_side(of: dict[str, int]) -> None:
    """A session of a hundred prompts is no hundred observations; nor is a text of as many runs."""
    found = compared_prompts(100, **of)
    assert (found.prompts, found.independent) == (100, 2)
    assert not any(one.enough for one in found.compared)


def test_prompts_that_could_not_have_a_habit_count_nowhere() -> None:
    """A question without a file neither has nor lacks a target."""
    blank = [Noted(f"{n:032x}", 0, 0, None, 1000 + n, 1000 + n) for n in range(500)]
    prompts = [noted(n, {"hedging"} if n % 2 else set(), dead=n % 2 == 0) for n in range(40)]
    [one] = [one for one in compare([*prompts, *blank]).compared if one.habit.name == "hedging"]
    assert one.succeeded + one.dead == 40


def test_chance_is_rarely_taken_for_a_habit() -> None:
    """Of a hundred sets of coin tosses, few show anything: the gate corrects for all habits."""
    chance = random.Random(3)
    false = 0
    for _ in range(100):
        prompts = [
            Noted(f"{n:032x}", has := chance.getrandbits(len(HABITS)), ALL & ~has,
                  "error" if chance.random() < 0.4 else None, n, n)
            for n in range(120)
        ]  # fmt: skip
        found = compare(prompts)
        false += bool(found.keep or found.drop)
    assert false <= 10


def test_habits_of_a_prompt_are_bits() -> None:
    """What it has and what it could have; other languages have neither."""
    has, lacks = habits_of("Maybe add a cache to the parser.")
    assert has & BIT["hedging"]
    assert lacks & BIT["target"]
    assert has & lacks == 0
    other = habits_of("请修复登录页面的错误")
    assert not (other[0] | other[1]) & BIT["hedging"]


def test_bits_have_a_version() -> None:
    """Whoever adds, removes or moves a rule must count VERSION up, and this list with it."""
    assert (VERSION, [habit.name for habit in HABITS]) == (
        1,
        [
            *("vague-verb", "vague-quality", "hedging", "open-end", "pronoun", "unseen-context"),
            *("placeholder", "shouting", "many-asks", "contradiction", "error-not-quoted"),
            *("unbounded-output", "only-negative", "wall-of-text", "target", "acceptance"),
            *("example", "scope", "check", "reason", "quoted-error", "steps"),
        ],
    )
