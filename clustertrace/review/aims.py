"""Figures that a change can aim at, and whether one has changed from one week to the next.

A figure is shown as it is; what is tested (clustertrace.patterns.verdict) is the share of runs for
which something bad happened.
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
    *("FIGURES", "Aim", "Comparison", "Figure", "Offer", "Samples"),
    *("compared", "figure_words", "offered", "read_aim"),
]


class Figure(NamedTuple):
    """A number of a week that the user may want to change."""

    name: str
    part: str
    """The numerator, and below the denominator: fields of Sums."""
    whole: str
    bad: str
    """The field of Sums that counts the bad runs to test. If empty, a run is bad if it cost
    more than the median run of the week before."""
    past_tense: str
    """What the bad runs did, in the past tense."""
    in_dollars: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of Sums that it needs."""
        names = (self.part, self.whole, self.bad, self.trials)
        return tuple(dict.fromkeys(filter(None, names)))

    @property
    def trials(self) -> str:
        """The field of Sums that counts all tested runs, the bad ones included."""
        return "finished" if self.whole == "finished" else "ended"

    def value(self, sums: Sums) -> float | None:
        """The figure; None if the denominator is zero."""
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
"""By the name that is stored with a commitment."""


class Aim(NamedTuple):
    """A figure, of all runs or of those of one pattern."""

    figure: str
    """A key of FIGURES."""
    pattern: str = ""
    """Empty: all runs."""

    def __str__(self) -> str:
        """In the syntax that `read_aim` parses."""
        return f"{self.figure}:{self.pattern}" if self.pattern else self.figure


def read_aim(text: str) -> Aim:
    """Parse `failures` or `failures:PATTERN`. Raises UsageError."""
    figure, _, pattern = text.strip().partition(":")
    if figure not in FIGURES:
        raise UsageError(
            f"A change can aim at {', '.join(FIGURES)}, of a pattern as in cost:PATTERN; not at"
            f" {text!r}."
        )
    return Aim(figure, pattern)


def figure_words(figure: str, value: float | None) -> str:
    """A figure as text."""
    if value is None:
        return "no runs"
    return money(value) if FIGURES[figure].in_dollars else share(round(value, 3))


class Offer(NamedTuple):
    """A figure to choose as an aim, with its current value."""

    aim: Aim
    value: float


def offered(total: Sums, patterns: Sequence[PatternWeek]) -> list[Offer]:
    """Figures worth aiming at: each one of all runs, and of the pattern that does worst by it."""
    found = []
    for name, figure in FIGURES.items():
        if (value := figure.value(total)) is not None:
            found.append(Offer(Aim(name), value))
        if len(patterns) < 2:
            continue
        worst = max(patterns, key=_BADNESS[name])
        value = figure.value(worst.sums)
        if value is not None and _BADNESS[name](worst) > 0:
            found.append(Offer(Aim(name, worst.id), value))
    return found


_BADNESS: Final[Mapping[str, Callable[[PatternWeek], float]]] = {
    "failures": lambda pattern: pattern.sums.failed,
    "dead-ends": lambda pattern: pattern.sums.dead_ends,
    "cost": lambda pattern: pattern.sums.cost_usd,
    "cache": lambda pattern: pattern.sums.lost_usd,
}


class Samples(NamedTuple):
    """The data of one week for testing a figure, by the name of the root span."""

    sums: Mapping[str, Sums]
    costs: Mapping[str, Sequence[float]]
    """Costs of single runs, US dollars; empty unless the figure is tested by them."""


class Comparison(NamedTuple):
    """A figure before and after, and the result of the test."""

    before: float | None
    after: float | None
    verdict: Verdict
    sentence: str


def compared(aim: Aim, before: Samples, after: Samples) -> Comparison:
    """Compare a figure between two weeks."""
    figure = FIGURES[aim.figure]
    if figure.bad:
        sides = [_sides(figure, week) for week in (before, after)]
    else:
        sides = _sides_by_cost(before.costs, after.costs)
    tested = verdict(*sides)
    sentence = verdict_words(tested, "pattern" if aim.pattern else "agent", figure.past_tense)
    first, second = (figure.value(Sums.summed(week.sums.values())) for week in (before, after))
    return Comparison(first, second, tested, sentence)


def _sides(figure: Figure, week: Samples) -> dict[str, Side]:
    return {
        name: Side(getattr(sums, figure.bad), getattr(sums, figure.trials))
        for name, sums in week.sums.items()
    }


def _sides_by_cost(
    before: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]]
) -> list[dict[str, Side]]:
    """Both weeks' counts of runs that cost more than the first week's median run."""
    bounds = {name: statistics.median(costs) for name, costs in before.items() if costs}
    return [
        {
            name: Side(sum(cost > bounds[name] for cost in costs), len(costs))
            for name, costs in side.items()
            if name in bounds
        }
        for side in (before, after)
    ]
