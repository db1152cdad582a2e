"""Failure rules: short conditions under which runs fail more often than others, tested.

Mining tries every trait, every absence of a step, every threshold of a measure, and conjunctions of
two. What is reported has passed a one-sided Fisher test with Benjamini and Hochberg's correction
over *everything* that was tried, and adds to the rules before it. Runs of one session are not
independent: for the tests one failed and one passed run stand for each session.

Rules are chosen one after the other by the failures and passes that they would newly match: the
gain is the share of all failures minus the share of all passes, taken at its lower 95 % bound, so
that a small lucky group does not outbid a large solid one. Matching needs no refit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Final

from clustertrace.patterns.conditions import Case, Condition
from clustertrace.patterns.field import Candidate, Columns, Field, by_p, columns_of, places_in
from clustertrace.patterns.statistics import Interval, benjamini_hochberg, false_shares, wilson

__all__ = ["VERSION", "Mined", "Q", "Rule", "mine", "mine_columns"]

VERSION: Final = 1
Q: Final = 0.05
"""False discovery rate. Where nothing is to be found, it is the chance of finding something."""
MOST_RULES: Final = 5

_LOG_Q: Final = log(Q)
_LEAST_RUNS: Final = 8
"""Runs that a condition must hold for, and runs that it must not hold for."""
_BEAM: Final = 150
"""Single conditions that conjunctions start from."""
_KEPT: Final = 20_000
"""Significant conditions that the choice is made from."""
_MARGINAL_P: Final = 0.05
"""A further rule must be this unlikely among the runs that no rule before it matches."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions that hold together, and what was seen where they did."""

    conditions: tuple[Condition, ...]
    failed: int
    """Failed runs among those that match, rules before this one notwithstanding."""
    matched: int
    base_rate: float
    """Failure rate of all runs, 0 to 1."""
    p: float
    """One-sided Fisher exact test, over independent runs."""
    q: float
    """The share of false discoveries to expect at this p-value, over everything tried."""

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval of the failure rate of matching runs."""
        return wilson(self.failed, self.matched)


@dataclass(frozen=True, slots=True)
class Mined:
    """The outcome of mining."""

    rules: tuple[Rule, ...]
    runs: int
    failed: int
    tried: int
    """Conditions that were tried and corrected for."""
    failed_places: tuple[tuple[int, ...], ...] = ()
    """For each rule, which of the runs match it and failed, in their order."""


def mine(cases: Sequence[Case]) -> Mined:
    """The failure rules of these runs, most important first; none where nothing is significant."""
    return mine_columns(columns_of(cases))


def mine_columns(columns: Columns) -> Mined:
    """The same for runs by column."""
    field = Field(columns)
    if not field.all_failed or field.all_failed == field.everything:
        return Mined((), field.runs, field.failures, 0, ())
    singles = sorted(field.singles(_LEAST_RUNS), key=by_p)
    tried = len(singles)
    pairs, more = _conjunctions(field, singles)
    tried += more
    found = [one for one in (*singles, *pairs) if one.p <= Q]
    bound = benjamini_hochberg([one.p for one in found], Q, tried)
    significant = sorted((one for one in found if one.p <= bound), key=by_p)
    expected = false_shares([one.p for one in significant], tried)
    chosen = _cover(field, significant[:_KEPT])
    return Mined(
        tuple(_rule(field, one, expected[one.p]) for one in chosen),
        field.runs,
        field.failures,
        tried,
        tuple(tuple(places_in(one.bits & field.all_failed)) for one in chosen),
    )


def _rule(field: Field, one: Candidate, q: float) -> Rule:
    """The evidence of a condition."""
    failed = (one.bits & field.all_failed).bit_count()
    base = field.failures / field.runs
    return Rule(one.conditions, failed, one.bits.bit_count(), base, one.p, q)


def _conjunctions(field: Field, singles: Sequence[Candidate]) -> tuple[list[Candidate], int]:
    """Pairs of conditions that hold for other runs than any single one; and how many were tried."""
    seen = {one.bits for one in singles}
    made = []
    for one in singles[:_BEAM]:
        for other in singles:
            bits = one.bits & other.bits
            if bits in seen or bits.bit_count() < _LEAST_RUNS:
                continue
            seen.add(bits)
            log_p = field.log_p(bits)
            if log_p <= _LOG_Q:
                made.append(Candidate(one.conditions + other.conditions, bits, log_p))
    return made, len(seen) - len(singles)


def _cover(field: Field, significant: Sequence[Candidate]) -> list[Candidate]:
    """Up to five conditions that together explain the most, each adding to those before."""
    chosen: list[Candidate] = []
    left = field.everything
    pool = list(significant)
    while pool and len(chosen) < MOST_RULES:
        gains = [(field.gain(one.bits & left), -at) for at, one in enumerate(pool)]
        gain, at = max(gains)
        if gain <= 0:
            break
        best = pool.pop(-at)
        if field.marginal_p(best.bits, left) <= _MARGINAL_P:
            chosen.append(best)
            left &= ~best.bits
    return chosen
