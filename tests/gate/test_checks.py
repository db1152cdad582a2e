"""Assertions about runs: what passes, what does not, and what is said about it."""

from __future__ import annotations

import re
from math import sqrt
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.gate.checks import Assertion, Kind, Seen, check, claim
from clustertrace.gate.reports import junit, markdown
from clustertrace.patterns.statistics import Z95, wilson

SECOND = 10**9


def asserted(kind: Kind, bound: float, **more: Any) -> Assertion:
    fields: dict[str, Any] = {"last_runs": None, "last_ns": None, "created_ns": 0, **more}
    return Assertion("0a1b2c3d", "9c41d2aa0011", kind, bound, **fields)


def seen(failed: int, runs: int, **more: Any) -> Seen:
    fields: dict[str, Any] = {"cost_usd": 0.0, "unpriced_calls": 0, "newer": 0, **more}
    times = fields.pop("durations_ns", [SECOND] * runs)
    return Seen([at < failed for at in range(runs)], times, **fields)


@pytest.mark.parametrize(
    ("failed", "runs", "passed", "words"),
    [
        (0, 3, False, "not shown; at this rate 16 runs would show"),
        (0, 50, True, "50 of 50 runs did not fail (100 %, 95 % interval 92.9 % to 100 %)."),
        (1, 10, False, "not shown"),
        (30, 60, False, "it is below"),
        (12, 60, False, "no number of runs would show"),
    ],
)
def test_success_rate(failed: int, runs: int, passed: bool, words: str) -> None:
    """A rate passes when the lower bound of its interval is above, not when its mean is."""
    result = check(asserted("success_rate_above", 0.8), seen(failed, runs))
    assert result.passed is passed
    assert words in result.words


@pytest.mark.parametrize("failed", [0, 1, 30, 60])
def test_success_is_not_claimed(failed: int) -> None:
    """Of runs that did not fail nobody may know whether they are right, so nothing more is said."""
    words = check(asserted("success_rate_above", 0.8), seen(failed, 60)).words
    assert words.startswith(f"{60 - failed} of 60 runs did not fail (")
    assert "succe" not in words


def test_runs_without_an_end_have_no_duration() -> None:
    """They don't make the others look quick, and where no run has an end nothing is shown."""
    claimed = asserted("latency_p95_below", 2 * SECOND)
    some = check(claimed, seen(0, 3, durations_ns=[SECOND]))
    assert some.passed
    assert some.words == "p95 is 1.0 s in 1 run; 2 runs without an end left out."
    none = check(claimed, seen(0, 3, durations_ns=[]))
    assert not none.passed
    assert "none has a duration" in none.words


@given(st.integers(0, 200), st.integers(1, 200), st.floats(0, 1))
def test_rate_agrees_with_its_interval(failed: int, runs: int, bound: float) -> None:
    """Whatever the counts, the verdict is that of Wilson's lower bound."""
    failed = min(failed, runs)
    result = check(asserted("success_rate_above", bound), seen(failed, runs))
    assert result.passed == (wilson(runs - failed, runs).low > bound)
    assert result.measured == (runs - failed) / runs


@given(st.integers(0, 20), st.floats(0.01, 0.99))
def test_promised_number_of_runs(failed: int, bound: float) -> None:
    """As many runs as are asked for, at the same rate, would show it, and one fewer would not."""
    result = check(asserted("success_rate_above", bound), seen(failed, 20))
    promised = re.search(r"at this rate (.+) runs would show", result.words)
    if promised is None:
        assert result.passed or "it is below" in result.words
        return

    def low(runs: int) -> float:
        # 20 times the runs and 20 times z² give the same bound, and whole successes.
        return wilson((20 - failed) * runs, 20 * runs, Z95 * sqrt(20)).low

    if promised[1] == "no number of":
        assert (20 - failed) / 20 <= bound
    elif promised[1] == "only more than 100,000":
        assert low(100_000) <= bound + 1e-12
    else:
        needed = int(promised[1].replace(",", ""))
        assert low(needed) > bound - 1e-12
        assert low(needed - 1) <= bound + 1e-12


def test_the_95th_percentile_counts() -> None:
    """The 95th percentile counts: one slow run of twenty is allowed, two are not."""
    assertion = asserted("latency_p95_below", 2 * SECOND)
    slow = [SECOND] * 19 + [60 * SECOND]
    assert check(assertion, seen(0, 20, durations_ns=slow)).passed
    assert not check(assertion, seen(0, 20, durations_ns=[*slow[:18], *slow[-1:] * 2])).passed


def test_the_mean_cost_counts_if_all_calls_have_a_price() -> None:
    """The mean cost of a run counts, and calls without a price can't pass."""
    assertion = asserted("cost_below", 0.10)
    assert check(assertion, seen(0, 4, cost_usd=0.36)).passed
    assert not check(assertion, seen(0, 4, cost_usd=0.44)).passed
    unknown = check(assertion, seen(0, 4, cost_usd=0.0, unpriced_calls=2))
    assert not unknown.passed
    assert "the cost is not known" in unknown.words


def test_no_new_traces() -> None:
    """A pattern that was to be gone and comes again fails."""
    assertion = asserted("no_new_traces", 0)
    assert check(assertion, seen(0, 0)).passed
    assert not check(assertion, seen(0, 0, newer=1)).passed


@pytest.mark.parametrize("kind", ["success_rate_above", "latency_p95_below", "cost_below"])
def test_nothing_to_look_at(kind: Kind) -> None:
    """A pattern without a finished run, or that is gone, does not pass."""
    assert not check(asserted(kind, 0), seen(0, 0)).passed
    gone = check(asserted(kind, 0), None)
    assert not gone.passed
    assert "no pattern 9c41d2aa0011" in gone.words


def test_a_claim_reads_as_it_was_asked_for() -> None:
    """What is claimed reads as it was asked for."""
    assert claim(asserted("success_rate_above", 0.9, last_runs=50)) == (
        "success rate above 90 %, over the last 50 runs"
    )


@given(st.text(max_size=30))
def test_junit_is_xml(name: str) -> None:
    """Whatever a pattern is called, the report is XML with a case for each assertion."""
    assertion = asserted("success_rate_above", 0.9)
    result = check(assertion, seen(9, 10))._replace(words=name)
    suite = ElementTree.fromstring(junit([result, check(assertion, seen(0, 90))]))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert len(suite.findall("testcase/failure")) == 1


def test_markdown_stays_a_table() -> None:
    """Text from traces can't break out of its cell."""
    result = check(asserted("cost_below", 1), None)._replace(words="a | b\n<script>x</script>")
    (row,) = [line for line in markdown([result], []).splitlines() if "script" in line]
    assert row.replace("\\|", "").count("|") == 5
    assert "<script>" not in row


def test_a_percentile_of_few_runs_says_what_it_is() -> None:
    """Below twenty runs the 95th percentile is the slowest one, which shows little."""
    below = Assertion("1f0c22ab", "all", "latency_p95_below", 2e9, None, None, 0)
    few, enough = (
        check(below, Seen([False] * runs, [10**9] * runs, 0.0, 0, 0)) for runs in (19, 20)
    )
    assert few.words == "p95 is 1.0 s in 19 runs, of so few the slowest."
    assert enough.words == "p95 is 1.0 s in 20 runs."
