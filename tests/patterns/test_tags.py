"""Tags: whose runs fail is told, and what merely labels failures is not asked."""

from __future__ import annotations

import random
import time

from clustertrace.patterns.conditions import Condition
from clustertrace.patterns.sentences import condition_words
from clustertrace.patterns.tags import common_keys
from clustertrace.patterns.why import Population, Why, explain
from clustertrace.patterns.why_words import compared_words, difference_words, nothing_words
from tests.patterns.test_why import member

CUSTOMERS = ("acme", "globex", "initech", "hooli")


def explained(rate: float, *, seed: int = 1) -> Why:
    """Explain runs of four customers; those of acme fail at this rate, others one time in ten."""
    rng = random.Random(seed)
    members = []
    for at in range(200):
        customer = rng.choice(CUSTOMERS)
        failed = rng.random() < (rate if customer == "acme" else 0.1)
        tags = {"customer": customer} | ({"failure_category": "wrong"} if failed else {})
        members.append(member(at, "look save", failed=failed)._replace(tags=tags))
    return explain([Population("pattern", members)])


def test_a_customer_whose_runs_fail_is_told() -> None:
    """Where all runs take the same steps, a tag may be all that tells them apart."""
    why = explained(0.9)
    (one,) = why.differences
    assert difference_words(one).startswith("The tag `customer` is `acme`: ")
    assert compared_words(why).endswith(
        "A tag may also be a label that runs got for how they went."
    )


def test_tags_that_have_nothing_to_do_with_failing_are_not_told() -> None:
    """Chance is no reason; of twenty databases at most two have a finding."""
    found = [bool(explained(0.1, seed=seed).differences) for seed in range(20)]
    assert sum(found) <= 2


def test_a_label_for_failures_is_not_asked_about() -> None:
    """Only keys that runs of both kinds usually carry say what a run was about."""
    failed, passed = {"customer": "a", "category": "x"}, {"customer": "b"}
    assert common_keys([failed] * 9, [passed] * 9) == {"customer"}
    assert common_keys([failed] * 9, []) == common_keys([], [passed]) == frozenset()
    assert "failure_category" not in nothing_words(explained(0.1))


def test_keys_that_differ_in_every_run_cost_little() -> None:
    """Each tag is looked at once, not each key in every run, which took several seconds here."""
    sides = [[{f"{name}{at}": "", "region": ""} for at in range(10_000)] for name in "ab"]
    started = time.process_time()
    assert common_keys(*sides) == {"region"}
    assert time.process_time() - started < 0.5


def test_an_empty_value_is_said_to_be_one() -> None:
    """Nothing between two marks would read like a mistake."""
    assert condition_words(Condition(("tag", "region", "", 0))) == "the tag `region` is empty"
