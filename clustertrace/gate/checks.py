"""Check whether an assertion holds for its runs. Pure functions.

A rate is judged by the bound of its interval, not by its mean: nine of ten successes do not show
that a pattern succeeds in more than eight of ten cases. If there are too few runs to tell, the
check fails, and says how many it would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from clustertrace.patterns.statistics import Z95, p95, wilson
from clustertrace.telling.words import counted, duration, money, share

__all__ = ["Assertion", "Kind", "Result", "Seen", "check", "claim"]

Kind = Literal["success_rate_above", "latency_p95_below", "cost_below", "no_new_traces"]

_MAX_RUNS: Final = 100_000
_P95_RUNS: Final = 20
"""Runs below which the 95th percentile is the slowest of them."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A statement about a pattern that the user wants to stay true."""

    id: str
    """8 hex digits."""
    pattern: str
    """A variant's id, or `all` for every run."""
    kind: Kind
    bound: float
    """A share from 0 to 1, nanoseconds, or US dollars per run; 0 for `no_new_traces`."""
    last_runs: int | None
    """Only so many of the newest runs are checked."""
    last_ns: int | None
    """Only runs of the last so many nanoseconds are checked."""
    created_ns: int


class Seen(NamedTuple):
    """The finished runs that an assertion is checked against."""

    failed: Sequence[bool]
    durations_ns: Sequence[int]
    """Of those runs that have an end."""
    cost_usd: float
    unpriced_calls: int
    newer: int
    """Runs of the pattern, finished or not, that began after the assertion was created."""


class Result(NamedTuple):
    """The result of checking an assertion."""

    assertion: Assertion
    passed: bool
    runs: int
    measured: float | None
    """In the unit of the bound; None if there is nothing to measure."""
    low: float | None
    """For a success rate, the lower bound of its 95 % interval."""
    words: str
    """The result as a sentence."""


def claim(assertion: Assertion) -> str:
    """The claim of an assertion, in words."""
    words = {
        "success_rate_above": f"success rate above {share(assertion.bound)}",
        "latency_p95_below": f"p95 latency below {duration(int(assertion.bound))}",
        "cost_below": f"cost a run below {money(assertion.bound)}",
        "no_new_traces": "no new runs",
    }[assertion.kind]
    if assertion.last_runs is not None:
        words += f", over the last {counted(assertion.last_runs, 'run')}"
    if assertion.last_ns is not None:
        words += f", over the last {duration(assertion.last_ns)}"
    return words


def check(assertion: Assertion, seen: Seen | None) -> Result:
    """Check an assertion; `seen` is None if its pattern no longer exists."""
    if seen is None:
        return Result(
            assertion, False, 0, None, None, f"There is no pattern {assertion.pattern} any more."
        )
    if assertion.kind == "no_new_traces":
        words = f"{counted(seen.newer, 'run')} began since the assertion was made."
        return Result(assertion, seen.newer == 0, seen.newer, float(seen.newer), None, words)
    runs = len(seen.failed)
    if not runs:
        return Result(assertion, False, 0, None, None, "No finished run to look at.")
    if assertion.kind == "success_rate_above":
        return _rate(assertion, seen, runs)
    if assertion.kind == "latency_p95_below":
        return _latency(assertion, seen)
    return _cost(assertion, seen, runs)


def _latency(assertion: Assertion, seen: Seen) -> Result:
    runs = len(seen.durations_ns)
    if not runs:
        return Result(assertion, False, 0, None, None, "No run has an end, so none has a duration.")
    measured = float(p95(seen.durations_ns))
    words = f"p95 is {duration(int(measured))} in {counted(runs, 'run')}"
    if 1 < runs < _P95_RUNS:
        words += ", of so few the slowest"
    if unended := len(seen.failed) - runs:
        words += f"; {counted(unended, 'run')} without an end left out"
    return Result(assertion, measured < assertion.bound, runs, measured, None, f"{words}.")


def _rate(assertion: Assertion, seen: Seen, runs: int) -> Result:
    passed = runs - sum(seen.failed)
    low, high = wilson(passed, runs)
    words = (
        f"{passed} of {counted(runs, 'run')} did not fail ({share(round(passed / runs, 3))}, "
        f"95 % interval {share(round(low, 3))} to {share(round(high, 3))})"
    )
    if low > assertion.bound:
        return Result(assertion, True, runs, passed / runs, low, f"{words}.")
    if high < assertion.bound:
        return Result(assertion, False, runs, passed / runs, low, f"{words}: it is below.")
    runs_needed = (
        f"at this rate {_runs_to_show(passed / runs, assertion.bound)} would show that it is above"
    )
    return Result(assertion, False, runs, passed / runs, low, f"{words}: not shown; {runs_needed}.")


def _runs_to_show(rate: float, bound: float) -> str:
    """How many runs at this rate put Wilson's lower bound above `bound`, in words.

    Wilson's condition, solved for n, is n > z² · bound · (1 − bound) / (rate − bound)².
    """
    if rate <= bound:
        return "no number of runs"
    needed = Z95**2 * bound * (1 - bound) / (rate - bound) ** 2
    if needed >= _MAX_RUNS:
        return f"only more than {_MAX_RUNS:,} runs"
    return f"{int(needed) + 1:,} runs"


def _cost(assertion: Assertion, seen: Seen, runs: int) -> Result:
    measured = seen.cost_usd / runs
    words = f"{money(measured)} a run on average in {counted(runs, 'run')}"
    if seen.unpriced_calls:
        calls = counted(seen.unpriced_calls, "call")
        words += f", and {calls} without a known price: the cost is not known"
        return Result(assertion, False, runs, measured, None, f"{words}.")
    return Result(assertion, measured < assertion.bound, runs, measured, None, f"{words}.")
