"""Figures that a change may aim at, and whether one of them has changed from a week to the next.

A figure is shown as it is; what is tested is a share of runs for which something bad happened, with
the test of `verdict` (clustertrace.patterns.verdict).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.patterns.verdict import Side, Verdict, verdict, verdict_words
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.telling.words import money, share

__all__ = [
    *("FIGURES", "Aim", "Figure", "Offer", "Samples", "Comparison"),
    *("figure_words", "offered", "compared", "read_aim"),
]


class Figure(NamedTuple):
    """A number of a week that one may want to change."""

    name: str
    part: str
    """Its numerator and denominator: fields of Sums."""
    whole: str
    bad: str
    """Which runs are tested, out of `ended` or `finished` ones: a field of Sums. Empty: those
    dearer than the median run of the week before."""
    did: str
    """What those runs did, in the past tense."""
    in_dollars: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """What has to be known of a week."""
        asked = (self.part, self.whole, self.bad, self.trials)
        return tuple(dict.fromkeys(one for one in asked if one))

    @property
    def trials(self) -> str:
        """What the tested runs are counted out of: a field of Sums."""
        return "finished" if self.whole == "finished" else "ended"

    def value(self, sums: Sums) -> float | None:
        """The figure; None where there is nothing to divide by."""
        whole = getattr(sums, self.whole)
        return getattr(sums, self.part) / whole if whole else None


FIGURES: Final[Mapping[str, Figure]] = {
    "failures": Figure("failure rate", "failed", "finished", "failed", "failed"),
    "dead-ends": Figure("dead ends", "dead_ends", "ended", "dead_ends", "came to a dead end"),
    "cost": Figure(
        "cost per run", "cost_usd", "ended", "", "cost more than the first week's median", True
    ),
    "cache": Figure(
        "cache hit rate", "cache_read_tokens", "input_tokens", "missed_runs", "missed a cache"
    ),
}
"""By the name that a commitment keeps."""


class Aim(NamedTuple):
    """A figure of all runs, or of those of a pattern."""

    figure: str
    """A key of FIGURES."""
    pattern: str = ""
    """Empty: all runs."""

    def __str__(self) -> str:
        """As `read_aim` reads it."""
        return f"{self.figure}:{self.pattern}" if self.pattern else self.figure


def read_aim(text: str) -> Aim:
    """`failures`, or `failures:PATTERN`. Raises UsageError."""
    figure, _, pattern = text.strip().partition(":")
    if figure not in FIGURES:
        raise UsageError(
            f"A change can aim at {', '.join(FIGURES)}, of a pattern as in cost:PATTERN; not at"
            f" {text!r}."
        )
    return Aim(figure, pattern)


def figure_words(figure: str, value: float | None) -> str:
    """A figure as people read it."""
    if value is None:
        return "no runs"
    return money(value) if FIGURES[figure].in_dollars else share(round(value, 3))


class Offer(NamedTuple):
    """A figure to choose, as it is now."""

    aim: Aim
    value: float


def offered(total: Sums, patterns: Sequence[PatternWeek]) -> list[Offer]:
    """Figures worth aiming at: those of all runs, and each of the pattern that does worst by it."""
    offers = []
    for name, figure in FIGURES.items():
        if (value := figure.value(total)) is not None:
            offers.append(Offer(Aim(name), value))
        if worst := max(patterns, key=_WORST[name], default=None):
            own = figure.value(worst.sums)
            if own is not None and _WORST[name](worst) > 0 and len(patterns) > 1:
                offers.append(Offer(Aim(name, worst.id), own))
    return offers


_WORST: Final[Mapping[str, Callable[[PatternWeek], float]]] = {
    "failures": lambda one: one.sums.failed,
    "dead-ends": lambda one: one.sums.dead_ends,
    "cost": lambda one: one.sums.cost_usd,
    "cache": lambda one: one.sums.lost_usd,
}


class Samples(NamedTuple):
    """What a week says about a figure, by the name of the root."""

    sums: Mapping[str, Sums]
    costs: Mapping[str, Sequence[float]]
    """What single runs cost, US dollars; only where the figure is tested by them."""


class Comparison(NamedTuple):
    """A figure before and after, and what the test says."""

    before: float | None
    after: float | None
    made: Verdict
    sentence: str


def compared(aim: Aim, before: Samples, after: Samples) -> Comparison:
    """Compare two weeks."""
    figure = FIGURES[aim.figure]
    if figure.bad:
        sides = [_sides(figure, week) for week in (before, after)]
    else:
        sides = _dearer(before.costs, after.costs)
    made = verdict(*sides)
    sentence = verdict_words(made, "pattern" if aim.pattern else "agent", figure.did)
    first, second = (figure.value(Sums.summed(week.sums.values())) for week in (before, after))
    return Comparison(first, second, made, sentence)


def _sides(figure: Figure, week: Samples) -> dict[str, Side]:
    return {
        name: Side(getattr(sums, figure.bad), getattr(sums, figure.trials))
        for name, sums in week.sums.items()
    }


def _dearer(
    before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]
) -> list[dict[str, Side]]:
    """Runs that cost more than the median run before, on both sides."""
    bounds = {name: statistics.median(costs) for name, costs in before.items() if costs}
    return [
        {
            name: Side(sum(cost > bounds[name] for cost in costs), len(costs))
            for name, costs in side.items()
            if name in bounds
        }
        for side in (before, after)
    ]
