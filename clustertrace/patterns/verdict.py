"""Before against after: did a change help, and what could these numbers have shown at all?

Runs are compared within strata (the same task, or the same agent), so that an easier mix of runs
after the change is not taken for its success.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

from clustertrace.patterns.statistics import (
    Z80_POWER,
    Z95,
    Interval,
    Stratum,
    cochran_mantel_haenszel,
    newcombe,
    wilson,
)
from clustertrace.telling.words import counted, points, share

__all__ = ["Side", "Verdict", "verdict", "verdict_words"]

_SIGNIFICANCE: Final = 0.05
_PLAIN_NOUNS: Final = frozenset({"name", "pattern", "task"})
_APPROACHES: Final = 20
"""Steps after which the smallest change that can be seen no longer moves by a point."""


@dataclass(frozen=True, slots=True)
class Side:
    """The finished runs of one side."""

    failed: int
    runs: int

    @property
    def rate(self) -> float:
        """Failed out of all, 0 to 1; 0 without runs."""
        return self.failed / self.runs if self.runs else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval of the rate."""
        return wilson(self.failed, self.runs)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What before and after say together."""

    word: Literal["improved", "worse", "no evidence"]
    before: Side
    after: Side
    difference: float
    """Failure rate after minus before within strata, −1 to 1; negative is better."""
    interval: Interval
    """95 % interval of the difference."""
    p: float
    strata: int
    """Groups with runs on both sides: what the comparison rests on."""
    runs_compared: int
    """Runs in those groups."""
    smallest: float | None
    """The smallest difference that so many runs show four times out of five; None if none is."""


def verdict(before: Mapping[str, Side], after: Mapping[str, Side]) -> Verdict:
    """Compare two sides, given for each stratum by its name."""
    shared = sorted(set(before) & set(after))
    tested = cochran_mantel_haenszel(
        Stratum(after[name].failed, after[name].runs, before[name].failed, before[name].runs)
        for name in shared
    )
    word: Literal["improved", "worse", "no evidence"] = "no evidence"
    if tested.p < _SIGNIFICANCE and tested.interval.low <= tested.interval.high < 0:
        word = "improved"
    elif tested.p < _SIGNIFICANCE and tested.interval.low > 0:
        word = "worse"
    return Verdict(
        word,
        _summed(before),
        _summed(after),
        tested.risk_difference,
        tested.interval,
        tested.p,
        tested.informative,
        sum(before[name].runs + after[name].runs for name in shared),
        _smallest_detectable({name: (before[name], after[name]) for name in shared}),
    )


def _summed(sides: Mapping[str, Side]) -> Side:
    return Side(sum(s.failed for s in sides.values()), sum(s.runs for s in sides.values()))


def _smallest_detectable(pairs: Mapping[str, tuple[Side, Side]]) -> float | None:
    """From the variance of the Mantel–Haenszel difference if the rates moved towards a half.

    Rates near 0 or 1 vary little, but not once they changed: no failure in ten runs on both sides
    does not mean that one failure more would be seen. What a change needs and how much it is depend
    on each other, so the larger of the two is approached step by step.
    """
    compared = [pair for pair in pairs.values() if all(side.runs for side in pair)]
    smallest = 0.0
    for _ in range(_APPROACHES):
        weights = variance = 0.0
        for before, after in compared:
            runs = before.runs + after.runs
            # A rate of 0 or 1 in a small stratum is not known that well: half a run either way.
            rate = (before.failed + after.failed + 0.5) / (runs + 1)
            rate = min(0.5, min(rate, 1 - rate) + smallest / 2)
            weight = before.runs * after.runs / runs
            weights += weight
            variance += weight * weight * rate * (1 - rate) * (1 / before.runs + 1 / after.runs)
        smallest = (Z95 + Z80_POWER) * sqrt(variance) / weights if weights else 1.0
    return smallest if smallest < 1 else None


def verdict_words(result: Verdict, by: str, did: str = "failed") -> str:
    """The verdict in two or three sentences.

    `by` says what runs were grouped by, a tag as `tag.KEY`; `did` what the counted ones did.
    """
    strata = by.removeprefix("tag.")
    before, after = result.before, result.after
    counts = (
        f"{before.failed} of {before.runs} {did} before ({_rounded(before.rate)}), {after.failed} "
        f"of {after.runs} after ({_rounded(after.rate)})."
    )
    for side, side_name in ((before, "before"), (after, "after")):
        if not side.runs:
            # Every run has a name and a pattern; a tag it may lack.
            known_tag = f" with a known {strata}" if by.startswith("tag.") else ""
            return f"No evidence: there are no finished runs {side_name}{known_tag}."
    if not result.strata:
        return f"No evidence: no {strata} has finished runs both before and after. {counts}"
    low, high = result.interval
    changed = "failure rate" if did == "failed" else "share"
    change = (
        f"Within the same {strata} the {changed} changed by {points(result.difference)} points "
        f"(95 % interval {points(low)} to {points(high)}, p {result.p:.2g}; "
        f"{result.strata} compared)."
    )
    mix = _mix_words(result, strata)
    if result.word != "no evidence":
        return f"{result.word.capitalize()}. {counts} {change}{mix}"
    limit = "So few runs would hardly show any change."
    if result.smallest is not None:
        smallest = points(result.smallest).removeprefix("+")
        limit = f"This many runs would usually show a change of {smallest} points or more."
    return f"No evidence of a change. {counts} {change}{mix} {limit}"


def _mix_words(result: Verdict, strata: str) -> str:
    """What made the rates of all runs change, if it was not what happened within the strata."""
    before, after = result.before, result.after
    overall = after.rate - before.rate
    low, high = newcombe(after.failed, after.runs, before.failed, before.runs)
    # Only if neither could be the other: the rates of few runs differ by chance.
    if low <= result.difference <= high or result.interval.low <= overall <= result.interval.high:
        return ""
    alone = before.runs + after.runs - result.runs_compared
    unmatched = f"; {counted(alone, 'run')} had none to compare with" if alone else ""
    # Not every tag has a plural that an s makes.
    mixed = f"{strata}s" if strata in _PLAIN_NOUNS else f"values of {strata}"
    return (
        f" That all runs together changed by {points(overall)} points is due to another mix of "
        f"{mixed}{unmatched}."
    )


def _rounded(rate: float) -> str:
    return share(round(rate, 2))
