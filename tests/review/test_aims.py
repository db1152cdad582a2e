"""Figures that a change aims at: what they are, and what is tested."""

from __future__ import annotations

import pytest

from clustertrace.errors import UsageError
from clustertrace.patterns.verdict import Side, verdict
from clustertrace.review.aims import (
    FIGURES,
    Aim,
    Samples,
    compared,
    figure_words,
    offered,
    read_aim,
)
from clustertrace.review.sums import PatternWeek, Sums


def week(**sums: float) -> Sums:
    """Sums of a week of a hundred runs."""
    return Sums(finished=100, ended=100)._replace(**sums)


def test_the_test_is_that_of_verdict() -> None:
    """Failed runs, within the same agent."""
    before = Samples({"a": week(failed=40), "b": week(failed=5)}, {})
    after = Samples({"a": week(failed=15), "b": week(failed=6)}, {})
    found = compared(Aim("failures"), before, after)
    assert found.verdict == verdict(
        {"a": Side(40, 100), "b": Side(5, 100)}, {"a": Side(15, 100), "b": Side(6, 100)}
    )
    assert (found.before, found.after, found.verdict.word) == (0.225, 0.105, "improved")
    assert "Within the same agent the failure rate changed by" in found.sentence


def test_a_cache_is_tested_by_the_runs_that_missed_it() -> None:
    """Tokens of one run are not independent, so the shown figure is not the tested one."""
    before = Samples({"p": week(missed_runs=60, cache_read_tokens=2, input_tokens=10)}, {})
    after = Samples({"p": week(missed_runs=20, cache_read_tokens=8, input_tokens=10)}, {})
    found = compared(Aim("cache", "p"), before, after)
    assert (found.before, found.after, found.verdict.word) == (0.2, 0.8, "improved")
    assert found.sentence.startswith("Improved. 60 of 100 missed a cache before (60 %)")
    assert "Within the same pattern the share changed by" in found.sentence


def test_dead_ends_that_became_more() -> None:
    """An aim whose dead ends became more is told as worse."""
    before, after = (Samples({"a": week(dead_ends=count)}, {}) for count in (5, 30))
    assert compared(Aim("dead-ends"), before, after).verdict.word == "worse"


def test_cost_is_tested_by_runs_above_the_median_before() -> None:
    """One run that cost a fortune moves the figure, and not the test."""
    cheap, dear = [0.01] * 50, [0.03] * 50
    before = Samples({"a": week(cost_usd=2.0)}, {"a": cheap + dear, "gone": [1.0]})
    after = Samples({"a": week(cost_usd=11.0)}, {"a": [0.01] * 99 + [10.0], "new": [1.0]})
    found = compared(Aim("cost"), before, after)
    assert (found.before, found.after) == (0.02, 0.11)
    assert (found.verdict.before, found.verdict.after) == (Side(50, 101), Side(1, 100))
    assert found.verdict.word == "improved"


@pytest.mark.parametrize("figure", FIGURES)
def test_weeks_without_runs_show_nothing(figure: str) -> None:
    """Weeks without runs give no figure and no evidence."""
    found = compared(Aim(figure), Samples({}, {}), Samples({}, {}))
    assert (found.before, found.after, found.verdict.word) == (None, None, "no evidence")
    assert figure_words(figure, None) == "no runs"


def test_the_offers_are_few() -> None:
    """Each figure of all runs, and of the pattern that does worst by it."""
    bad = PatternWeek("bad", "a", week(failed=9, dead_ends=9, cost_usd=1.0))
    dear = PatternWeek("dear", "a", week(cost_usd=5.0, input_tokens=10, lost_usd=0.1))
    total = Sums.summed([bad.sums, dear.sums])
    assert [(str(one.aim), one.value) for one in offered(total, [bad, dear])] == [
        ("failures", 0.045),
        ("failures:bad", 0.09),
        ("dead-ends", 0.045),
        ("dead-ends:bad", 0.09),
        ("cost", 0.03),
        ("cost:dear", 0.05),
        ("cache", 0.0),
        ("cache:dear", 0.0),
    ]
    assert [str(one.aim) for one in offered(bad.sums, [bad])] == ["failures", "dead-ends", "cost"]
    assert offered(Sums(), []) == []


def test_aims_are_read_and_written() -> None:
    """The same text both ways; another figure is said to be none."""
    assert read_aim(" cost:8429d5 ") == Aim("cost", "8429d5")
    assert [str(read_aim(text)) for text in ("failures", "cache:a")] == ["failures", "cache:a"]
    with pytest.raises(UsageError, match="failures, dead-ends, cost, cache"):
        read_aim("happiness")
