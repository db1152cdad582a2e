"""Runs as bits: for each condition the runs that it holds for, and how unlikely their failures are.

What is asked of thousands of conditions is asked of integers with a bit a run. Runs of one session
are not independent: for the tests one failed and one passed run stand for each session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from math import comb, exp, sqrt
from operator import or_
from types import MappingProxyType
from typing import Final, NamedTuple

from clustertrace.patterns.conditions import Case, Condition
from clustertrace.patterns.statistics import (
    Z95_ONE_SIDED,
    Stratum,
    cochran_mantel_haenszel,
    fisher_greater,
    log_fisher_greater,
)
from clustertrace.patterns.traits import BROKE_OFF, RAISED, Trait

__all__ = ["ALIKE_FROM", "Candidate", "Columns", "Field", "by_p", "columns_of", "places_in"]

_MIN_FAILED: Final = 3
"""Independent failed runs without which nothing is evidence, however rare failing is."""
_SIMPLE_TRAITS: Final = (
    "calls",
    "fails",
    "not recovered",
    "errors",
    "same call",
    "error text",
    "empty",
    "answer",
    "never",
    "later",
    "then",
)
"""Of conditions that hold for the same runs, one of these says it, in this order: better what a run
did than what it did not do, and better that than at which place it did something."""
_OF_A_STEP: Final = frozenset({"calls", "fails", "not recovered", "empty", "error text"})
"""Of those about different steps, the one whose step comes first says it."""
_OF_THE_LAST_STEP: Final = frozenset({"last argument", "last result"})
ALIKE_FROM: Final = 0.9
"""Conditions that hold for nearly the same runs (Jaccard) say the same."""
_TELLS_APART: Final = 0.05
"""As unlikely the runs must be for which only one of them holds, if it is to tell more."""
_MARGINAL_P: Final = 0.05
"""As unlikely what a condition adds to others must be by chance."""
_QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)


class Columns(NamedTuple):
    """Runs to learn from, by what is true of them; a place is a run's index."""

    failed: Sequence[bool]
    sessions: Sequence[str | None]
    traits: Mapping[Trait, Sequence[int]]
    """For each trait the places of the runs that have it."""
    measures: Mapping[str, Sequence[float]]
    """For each measure its value in every run."""
    only_later: Mapping[Trait, Sequence[int]] = MappingProxyType({})
    """For each trait the places of those that came to it only after the point up to which runs are
    compared: they have it, and had not yet done it."""


class Candidate(NamedTuple):
    """Conditions, the runs that they hold for, and how unlikely the failures of these runs are."""

    conditions: tuple[Condition, ...]
    bits: int
    log_p: float
    """The natural logarithm of Fisher's p-value. Of thousands of runs many are 0 as a number."""

    @property
    def p(self) -> float:
        """Fisher's p-value."""
        return exp(self.log_p)


def columns_of(cases: Sequence[Case]) -> Columns:
    """The same runs by column."""
    places: dict[Trait, list[int]] = defaultdict(list)
    only_later: dict[Trait, list[int]] = defaultdict(list)
    for place, case in enumerate(cases):
        for trait in case.traits:
            places[trait].append(place)
        for trait in case.only_later:
            only_later[trait].append(place)
    names = sorted({name for case in cases for name in case.measures})
    return Columns(
        [case.failed for case in cases],
        [case.session for case in cases],
        places,
        {name: [case.measures.get(name, 0.0) for case in cases] for name in names},
        only_later,
    )


def by_p(candidate: Candidate) -> tuple[float, int, tuple[Condition, ...]]:
    """Order candidates: most significant first, then the simplest, then by what they say."""
    return (candidate.log_p, len(candidate.conditions), candidate.conditions)


def places_in(bits: int) -> list[int]:
    """The places whose bits are set, in order."""
    return [place for place, bit in enumerate(reversed(f"{bits:b}")) if bit == "1"]


class Field:
    """The runs: which failed, and which stand for their session in a test."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.runs = len(columns.failed)
        self.everything = (1 << self.runs) - 1
        self.all_failed = _bits_of_places(
            (place for place, failed in enumerate(columns.failed) if failed), self.runs
        )
        self.failures = self.all_failed.bit_count()
        representatives: dict[tuple[str, bool], int] = {}
        for place, (session, failed) in enumerate(
            zip(columns.sessions, columns.failed, strict=True)
        ):
            representatives.setdefault(
                (f"\0{place}" if session is None else session, failed), place
            )
        self._independent = _bits_of_places(representatives.values(), self.runs)
        self._sessions = len(representatives) < self.runs
        self._tested = len(representatives)
        self._tested_failed = (self._independent & self.all_failed).bit_count()

    def log_p(self, bits: int) -> float:
        """The logarithm of Fisher's p-value of failing at these bits; 0 where they fail less."""
        if self._sessions:
            bits &= self._independent
        failed, matched = (bits & self.all_failed).bit_count(), bits.bit_count()
        if failed < _MIN_FAILED or failed * self._tested <= matched * self._tested_failed:
            return 0.0
        return log_fisher_greater(failed, matched, self._tested_failed, self._tested)

    def marginal_p(self, bits: int, left: int) -> float:
        """The same among the runs that are left."""
        return fisher_greater(
            (bits & left & self.all_failed).bit_count(),
            (bits & left).bit_count(),
            (left & self.all_failed).bit_count(),
            left.bit_count(),
        )

    def adds_to(self, bits: int, others: Iterable[int]) -> bool:
        """Whether runs fail more often at these bits also among those alike in the others."""
        strata = [self._independent]
        for one in others:
            strata = [part for whole in strata for part in (whole & one, whole & ~one)]
        tested = cochran_mantel_haenszel(
            Stratum(*self._counts(whole & bits), *self._counts(whole & ~bits)) for whole in strata
        )
        return tested.risk_difference > 0 and tested.p <= _MARGINAL_P

    def _counts(self, bits: int) -> tuple[int, int]:
        return (bits & self.all_failed).bit_count(), bits.bit_count()

    def gain(self, bits: int) -> float:
        """Share of all failures less share of all passes, at its lower one-sided 95 % bound."""
        failed = (bits & self.all_failed).bit_count()
        passed = bits.bit_count() - failed
        per_failure, per_pass = 1 / self.failures, 1 / (self.runs - self.failures)
        standard_error = sqrt(failed * per_failure * per_failure + passed * per_pass * per_pass)
        return failed * per_failure - passed * per_pass - Z95_ONE_SIDED * standard_error

    def singles(
        self,
        min_runs: int,
        is_wanted: Callable[[Condition], bool] = lambda _: True,
        *,
        cut: bool = False,
    ) -> list[Candidate]:
        """Single conditions, one for each set of runs that some hold for: the simplest.

        They hold, and do not hold, for at least so many independent runs. Of runs that are `cut`
        after as many steps, those that skipped one came to a later one, so that absences say more.
        """
        by_bits: dict[int, Candidate] = {}
        for condition, bits in self._conditions_with_runs(min_runs, absences_first=cut):
            is_frequent = (
                min_runs <= (bits & self._independent).bit_count() <= self._tested - min_runs
            )
            if not is_frequent or not is_wanted(condition):
                continue
            if bits not in by_bits:
                by_bits[bits] = Candidate((condition,), bits, self.log_p(bits))
            elif self._is_earlier(condition, by_bits[bits].conditions[0], bits):
                by_bits[bits] = by_bits[bits]._replace(conditions=(condition,))
        return list(by_bits.values())

    def first_of_alike(self, candidate: Candidate, others: Iterable[Candidate]) -> Candidate:
        """Of those that tell failures as well by a step, the one whose step comes first.

        Of what goes along with failing, what came later is more likely to be a consequence.
        """
        first = candidate
        for other in others:
            conditions = (*other.conditions, *first.conditions)
            if len(conditions) == 2 and all(map(_is_of_a_step, conditions)):
                both = other.bits & first.bits
                if self._tells_as_much(other, candidate) and self._is_earlier(*conditions, both):
                    first = other
        return first

    def _tells_as_much(self, one: Candidate, better: Candidate) -> bool:
        """Whether two conditions hold for nearly the same runs, and the rest tells none better."""
        apart = one.bits ^ better.bits
        if apart.bit_count() > (1 - ALIKE_FROM) * (one.bits | better.bits).bit_count():
            return False
        better_right = (apart & better.bits & self.all_failed).bit_count()
        better_right += (apart & one.bits & ~self.all_failed).bit_count()
        return _chance_of_heads(better_right, apart.bit_count()) > _TELLS_APART

    def _is_earlier(self, condition: Condition, other: Condition, bits: int) -> bool:
        """Whether the step of one condition comes before that of another in most of these runs."""
        if not (_is_of_a_step(condition) and _is_of_a_step(other)):
            return False
        step, other_step = condition.trait[1], other.trait[1]
        first = self._in_order(step, other_step) & ~self._in_order(other_step, step) & bits
        return 2 * first.bit_count() > bits.bit_count()

    def _in_order(self, step: str, later: str) -> int:
        """The runs in which one step came some time after another, broken or not."""
        traits = (("later", step + a, later + b, 0) for a in ("", "!") for b in ("", "!"))
        return reduce(or_, map(self.runs_with, traits), 0)

    def _conditions_with_runs(
        self, min_runs: int, *, absences_first: bool
    ) -> Iterable[tuple[Condition, int]]:
        """Every condition with the runs that it holds for, the simplest first."""
        places = self._columns.traits
        # What a run that broke off never did it may only not have come to.
        broke_off = _bits_of_places(places.get(BROKE_OFF, ()), self.runs)
        came_to_an_end = self.everything & ~broke_off
        raised_after = self._raised_after()
        conditions = [
            Condition(trait)
            for trait in places
            if len(places[trait]) >= min_runs and trait not in (BROKE_OFF, RAISED)
        ]
        # Of absences only that of a step, or of its failing: "did not do X as its third step after
        # Y" is no explanation, and there would be as many as there are runs.
        conditions += [
            Condition(condition.trait, negated=True)
            for condition in conditions
            if condition.trait[0] in ("calls", "fails") and condition.trait[3] == 1
        ]
        conditions.sort(key=_simplicity)
        if absences_first:
            conditions.sort(key=lambda condition: not condition.negated)
        for condition in conditions:
            bits = _bits_of_places(places[condition.trait], self.runs)
            if condition.negated:
                before_it = self._raised_before(condition.trait[1], raised_after)
                bits &= ~_bits_of_places(
                    self._columns.only_later.get(condition.trait, ()), self.runs
                )
                bits = came_to_an_end & ~before_it & ~bits
            yield condition, bits
        raised = self.runs_with(RAISED)
        for name in sorted(self._columns.measures):
            values = self._columns.measures[name]
            # What is the last step of such a run is not that of the others.
            comparable = self.everything & ~(raised if name in _OF_THE_LAST_STEP else 0)
            for threshold in _thresholds(values):
                places_over = (place for place, value in enumerate(values) if value >= threshold)
                yield (
                    Condition((name, "", "", threshold), over=True),
                    _bits_of_places(places_over, self.runs) & comparable,
                )

    def runs_with(self, trait: Trait) -> int:
        """The runs that have a trait, as bits."""
        return _bits_of_places(self._columns.traits.get(trait, ()), self.runs)

    def _raised_after(self) -> dict[str, int]:
        """The runs that their own code ended, by their last step; "" if there was none."""
        raised = self.runs_with(RAISED)
        by_step = {
            trait[1]: self.runs_with(trait) & raised
            for trait in (self._columns.traits if raised else ())
            if trait[0] == "ends with"
        }
        by_step[""] = raised & ~reduce(or_, by_step.values(), 0)
        return {step: bits for step, bits in by_step.items() if bits}

    def _raised_before(self, step: str, raised_after: Mapping[str, int]) -> int:
        """The runs that their own code ended before they could come to a step.

        That is if half of the runs that did not fail took it after the step that was their last, or
        none took both: it may have come still.
        """
        passed_with = self.runs_with(("calls", step, "", 1)) & ~self.all_failed
        before_it = 0
        for last, bits in raised_after.items():
            with_last = self.runs_with(("calls", last, "", 1))
            with_last |= self.runs_with(("fails", last.removesuffix("!"), "", 1))
            both = passed_with & with_last
            later = both & self.runs_with(("later", last, step, 0))
            if 2 * later.bit_count() >= both.bit_count():
                before_it |= bits
        return before_it


def _chance_of_heads(heads: int, tosses: int) -> float:
    """The chance of so many heads or more."""
    ways = sum(comb(tosses, count) for count in range(heads, tosses + 1))
    return ways / (1 << tosses)


def _is_of_a_step(condition: Condition) -> bool:
    """Whether it says of one step that it was taken, or how it went."""
    what, step, _, number = condition.trait
    return not condition.negated and what in _OF_A_STEP and bool(step) and number <= 1


def _simplicity(condition: Condition) -> tuple[int, bool, Trait]:
    """Where a condition stands among those that say the same; one of a named step before others."""
    what = "never" if condition.negated else condition.trait[0]
    place = _SIMPLE_TRAITS.index(what) if what in _SIMPLE_TRAITS else len(_SIMPLE_TRAITS)
    return (place, not condition.trait[1], condition.trait)


def _bits_of_places(places: Iterable[int], runs: int) -> int:
    """An integer with these bits set; through bytes, since shifting a long integer copies it."""
    buffer = bytearray((runs + 7) // 8)
    for place in places:
        buffer[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(buffer, "little")


def _thresholds(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return sorted({ordered[int(len(ordered) * share)] for share in _QUANTILES})
