"""Whether an assertion holds for the runs that it looks at. Pure.

A rate is judged by the bound of its interval, not by its mean: nine of ten successes do not show
that a pattern succeeds in more than eight of ten cases. If there are too few runs to tell, the
check does not pass, and says how many it would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from clustertrace.patterns.statistics import Z95, p95, wilson
from clustertrace.telling.words import counted, duration, money, share

__all__ = ["KINDS", "Assertion", "Kind", "Result", "Seen", "check", "claim"]

Kind = Literal["success_rate_above", "latency_p95_below", "cost_below", "no_new_traces"]

KINDS: Final[tuple[Kind, ...]] = (
    "success_rate_above",
    "latency_p95_below",
    "cost_below",
    "no_new_traces",
)
_MOST_RUNS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Assertion:
    """Something that the user wants to stay true of a pattern."""

    id: str
    """8 hex digits."""
    pattern: str
    """A variant's id, or `all` for every run."""
    kind: Kind
    bound: float
    """A share from 0 to 1, nanoseconds, or US dollars a run; 0 for `no_new_traces`."""
    last_runs: int | None
    """Look at so many newest runs only."""
    last_ns: int | None
    """Look at runs of so many nanoseconds only."""
    created_ns: int


class Seen(NamedTuple):
    """The finished runs that an assertion looks at."""

    failed: Sequence[bool]
    durations_ns: Sequence[int]
    """Of those that have an end."""
    cost_usd: float
    unpriced_calls: int
    newer: int
    """Runs of the pattern, finished or not, that began after the assertion was made."""


class Result(NamedTuple):
    """What became of an assertion."""

    assertion: Assertion
    passed: bool
    runs: int
    measured: float | None
    """In the unit of the bound; None where there is nothing to measure."""
    low: float | None
    """Of the success rate: the lower bound of its 95 % interval."""
    words: str
    """What was found, in a sentence."""


def claim(one: Assertion) -> str:
    """What an assertion claims, in words."""
    what = {
        "success_rate_above": f"success rate above {share(one.bound)}",
        "latency_p95_below": f"p95 latency below {duration(int(one.bound))}",
        "cost_below": f"cost a run below {money(one.bound)}",
        "no_new_traces": "no new runs",
    }[one.kind]
    if one.last_runs is not None:
        what += f", over the last {counted(one.last_runs, 'run')}"
    if one.last_ns is not None:
        what += f", over the last {duration(one.last_ns)}"
    return what


def check(one: Assertion, seen: Seen | None) -> Result:
    """Judge an assertion; `seen` is None where its pattern is not known any more."""
    if seen is None:
        return Result(one, False, 0, None, None, f"There is no pattern {one.pattern} any more.")
    if one.kind == "no_new_traces":
        words = f"{counted(seen.newer, 'run')} began since the assertion was made."
        return Result(one, seen.newer == 0, seen.newer, float(seen.newer), None, words)
    runs = len(seen.failed)
    if not runs:
        return Result(one, False, 0, None, None, "No finished run to look at.")
    if one.kind == "success_rate_above":
        return _rate(one, seen, runs)
    if one.kind == "latency_p95_below":
        return _latency(one, seen)
    return _cost(one, seen, runs)


def _latency(one: Assertion, seen: Seen) -> Result:
    runs = len(seen.durations_ns)
    if not runs:
        return Result(one, False, 0, None, None, "No run has an end, so none has a duration.")
    measured = float(p95(seen.durations_ns))
    words = f"p95 is {duration(int(measured))} in {counted(runs, 'run')}"
    if without := len(seen.failed) - runs:
        words += f"; {counted(without, 'run')} without an end left out"
    return Result(one, measured < one.bound, runs, measured, None, f"{words}.")


def _rate(one: Assertion, seen: Seen, runs: int) -> Result:
    passed = runs - sum(seen.failed)
    low, high = wilson(passed, runs)
    words = (
        f"{passed} of {counted(runs, 'run')} did not fail ({share(round(passed / runs, 3))}, "
        f"95 % interval {share(round(low, 3))} to {share(round(high, 3))})"
    )
    if low > one.bound:
        return Result(one, True, runs, passed / runs, low, f"{words}.")
    if high < one.bound:
        return Result(one, False, runs, passed / runs, low, f"{words}: it is below.")
    more = f"at this rate {_runs_to_show(passed / runs, one.bound)} would show that it is above"
    return Result(one, False, runs, passed / runs, low, f"{words}: not shown; {more}.")


def _runs_to_show(rate: float, bound: float) -> str:
    """How many runs at this rate put Wilson's lower bound above a bound, in words.

    The lower bound is above it when n > z² · bound · (1 − bound) / (rate − bound)², Wilson's
    condition solved for n.
    """
    if rate <= bound:
        return "no number of runs"
    needed = Z95**2 * bound * (1 - bound) / (rate - bound) ** 2
    if needed >= _MOST_RUNS:
        return f"only more than {_MOST_RUNS:,} runs"
    return f"{int(needed) + 1:,} runs"


def _cost(one: Assertion, seen: Seen, runs: int) -> Result:
    measured = seen.cost_usd / runs
    words = f"{money(measured)} a run on average in {counted(runs, 'run')}"
    if seen.unpriced_calls:
        calls = counted(seen.unpriced_calls, "call")
        words += f", and {calls} without a known price: the cost is not known"
        return Result(one, False, runs, measured, None, f"{words}.")
    return Result(one, measured < one.bound, runs, measured, None, f"{words}.")
