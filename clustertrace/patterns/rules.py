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
_MIN_RUNS: Final = 8
"""Runs that a condition must hold for, and runs that it must not hold for."""
_BEAM_WIDTH: Final = 150
"""Single conditions that conjunctions start from."""
_POOL_SIZE: Final = 20_000
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
    singles = sorted(field.singles(_MIN_RUNS), key=by_p)
    tried = len(singles)
    pairs, pairs_tried = _conjunctions(field, singles)
    tried += pairs_tried
    candidates = [candidate for candidate in (*singles, *pairs) if candidate.p <= Q]
    bound = benjamini_hochberg([candidate.p for candidate in candidates], Q, tried)
    significant = sorted((candidate for candidate in candidates if candidate.p <= bound), key=by_p)
    expected = false_shares([candidate.p for candidate in significant], tried)
    chosen = _greedy_cover(field, significant[:_POOL_SIZE])
    return Mined(
        tuple(_rule_of(field, candidate, expected[candidate.p]) for candidate in chosen),
        field.runs,
        field.failures,
        tried,
        tuple(tuple(places_in(candidate.bits & field.all_failed)) for candidate in chosen),
    )


def _rule_of(field: Field, candidate: Candidate, q: float) -> Rule:
    """The evidence of a condition."""
    failed = (candidate.bits & field.all_failed).bit_count()
    base_rate = field.failures / field.runs
    return Rule(candidate.conditions, failed, candidate.bits.bit_count(), base_rate, candidate.p, q)


def _conjunctions(field: Field, singles: Sequence[Candidate]) -> tuple[list[Candidate], int]:
    """Pairs of conditions that hold for other runs than any single one; and how many were tried."""
    seen = {single.bits for single in singles}
    conjunctions = []
    for single in singles[:_BEAM_WIDTH]:
        for other in singles:
            bits = single.bits & other.bits
            if bits in seen or bits.bit_count() < _MIN_RUNS:
                continue
            seen.add(bits)
            log_p = field.log_p(bits)
            if log_p <= _LOG_Q:
                conjunctions.append(Candidate(single.conditions + other.conditions, bits, log_p))
    return conjunctions, len(seen) - len(singles)


def _greedy_cover(field: Field, significant: Sequence[Candidate]) -> list[Candidate]:
    """Up to five conditions that together explain the most, each adding to those before."""
    chosen: list[Candidate] = []
    uncovered = field.everything
    remaining = list(significant)
    while remaining and len(chosen) < MOST_RULES:
        gains = [
            (field.gain(candidate.bits & uncovered), -index)
            for index, candidate in enumerate(remaining)
        ]
        gain, index = max(gains)
        if gain <= 0:
            break
        best = remaining.pop(-index)
        if field.marginal_p(best.bits, uncovered) <= _MARGINAL_P:
            best = field.first_of_alike(best, remaining)
            chosen.append(best)
            uncovered &= ~best.bits
    return chosen
