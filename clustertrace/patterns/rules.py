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

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

from clustertrace.patterns.statistics import Interval, benjamini_hochberg, fisher_greater, wilson
from clustertrace.patterns.traits import Trait

__all__ = ["VERSION", "Case", "Condition", "Mined", "Q", "Rule", "matches", "mine"]

VERSION: Final = 1
Q: Final = 0.05
"""False discovery rate. Where nothing is to be found, it is the chance of finding something."""
MOST_RULES: Final = 5

_LEAST_RUNS: Final = 8
"""Runs that a condition must hold for, and runs that it must not hold for."""
_BEAM: Final = 150
"""Single conditions that conjunctions start from."""
_KEPT: Final = 20_000
"""Significant conditions that the choice is made from."""
_MARGINAL_P: Final = 0.05
"""A further rule must be this unlikely among the runs that no rule before it matches."""
_LOWER: Final = 1.6448536269514722
"""The normal quantile of a one-sided 95 % bound."""
_QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)


class Case(NamedTuple):
    """A run to learn from."""

    traits: set[Trait]
    measures: Mapping[str, float]
    failed: bool
    session: str | None = None


class Condition(NamedTuple):
    """A trait that must hold, or (negated) must not; `over` makes it a measure's threshold."""

    trait: Trait
    negated: bool = False
    over: bool = False


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


class _Candidate(NamedTuple):
    conditions: tuple[Condition, ...]
    bits: int
    p: float


def mine(cases: Sequence[Case]) -> Mined:
    """The failure rules of these runs, most important first; none where nothing is significant."""
    field = _Field(cases)
    if not field.all_failed or field.all_failed == field.everything:
        return Mined((), len(cases), field.failures, 0)
    singles = field.candidates(_bitsets(cases), len(cases))
    tried = len(singles)
    singles.sort(key=_by_p)
    pairs, more = _conjunctions(field, singles)
    tried += more
    found = [one for one in (*singles, *pairs) if one.p <= Q]
    bound = benjamini_hochberg([one.p for one in found], Q, tried)
    significant = sorted((one for one in found if one.p <= bound), key=_by_p)
    expected = _false_shares([one.p for one in significant], tried)
    chosen = _cover(field, significant[:_KEPT])
    rules = tuple(field.rule(one, expected[one.p]) for one in chosen)
    return Mined(rules, len(cases), field.failures, tried)


def matches(rule: Iterable[Condition], traits: set[Trait], measures: Mapping[str, float]) -> bool:
    """Whether a run meets all conditions of a rule."""
    return all(_holds(condition, traits, measures) for condition in rule)


def _holds(condition: Condition, traits: set[Trait], measures: Mapping[str, float]) -> bool:
    trait, negated, over = condition
    held = measures.get(trait[0], 0) >= trait[3] if over else trait in traits
    return held is not negated


def _by_p(one: _Candidate) -> tuple[float, int, tuple[Condition, ...]]:
    return (one.p, len(one.conditions), one.conditions)


class _Field:
    """The runs as bits: which failed, and which stand for their session in a test."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self.runs = len(cases)
        self.everything = (1 << self.runs) - 1
        self.all_failed = _bits((at for at, case in enumerate(cases) if case.failed), self.runs)
        self.failures = self.all_failed.bit_count()
        first: dict[tuple[str, bool], int] = {}
        for at, case in enumerate(cases):
            key = (f"\0{at}" if case.session is None else case.session, case.failed)
            first.setdefault(key, at)
        self._independent = _bits(first.values(), self.runs)
        self._sessions = len(first) < self.runs
        self._tested = len(first)
        self._tested_failed = (self._independent & self.all_failed).bit_count()

    def p(self, bits: int) -> float:
        """Fisher's p-value of failing where these bits are set; 1 where they fail less."""
        if self._sessions:
            bits &= self._independent
        failed, matched = (bits & self.all_failed).bit_count(), bits.bit_count()
        if failed * self._tested <= matched * self._tested_failed:
            return 1.0
        return fisher_greater(failed, matched, self._tested_failed, self._tested)

    def marginal_p(self, bits: int, left: int) -> float:
        """The same among the runs that are left."""
        failed = (bits & left & self.all_failed).bit_count()
        return fisher_greater(
            failed,
            (bits & left).bit_count(),
            (left & self.all_failed).bit_count(),
            left.bit_count(),
        )

    def gain(self, bits: int) -> float:
        """Share of all failures less share of all passes, at its lower one-sided 95 % bound."""
        failed = (bits & self.all_failed).bit_count()
        passed = bits.bit_count() - failed
        a_failure, a_pass = 1 / self.failures, 1 / (self.runs - self.failures)
        noise = sqrt(failed * a_failure * a_failure + passed * a_pass * a_pass)
        return failed * a_failure - passed * a_pass - _LOWER * noise

    def candidates(self, holds: Mapping[Condition, int], runs: int) -> list[_Candidate]:
        """Single conditions that are worth trying, one for each set of runs."""
        made: dict[int, _Candidate] = {}
        for condition, bits in holds.items():
            if _LEAST_RUNS <= bits.bit_count() <= runs - _LEAST_RUNS and bits not in made:
                made[bits] = _Candidate((condition,), bits, self.p(bits))
        return list(made.values())

    def rule(self, one: _Candidate, q: float) -> Rule:
        """The evidence of a condition."""
        failed = (one.bits & self.all_failed).bit_count()
        base = self.failures / self.runs
        return Rule(one.conditions, failed, one.bits.bit_count(), base, one.p, q)


def _bits(places: Iterable[int], runs: int) -> int:
    """An integer with these bits set; through bytes, since shifting a long integer copies it."""
    made = bytearray((runs + 7) // 8)
    for at in places:
        made[at >> 3] |= 1 << (at & 7)
    return int.from_bytes(made, "little")


def _bitsets(cases: Sequence[Case]) -> dict[Condition, int]:
    """For each condition the runs that it holds for, the simplest conditions first."""
    places: dict[Trait, list[int]] = defaultdict(list)
    measured: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for at, case in enumerate(cases):
        for trait in case.traits:
            places[trait].append(at)
        for name, value in case.measures.items():
            measured[name].append((value, at))
    runs = len(cases)
    everything = (1 << runs) - 1
    made: dict[Condition, int] = {}
    for trait in sorted(places):
        made[Condition(trait)] = _bits(places[trait], runs)
    for trait in sorted(places):
        # Of absences only that of a step, or of its failing: "did not do X as its third step
        # after Y" is no explanation, and there would be as many as there are runs.
        if trait[0] in ("calls", "fails") and trait[3] == 1:
            made[Condition(trait, negated=True)] = everything & ~made[Condition(trait)]
    for name in sorted(measured):
        for threshold in _thresholds([value for value, _ in measured[name]]):
            bits = _bits((at for value, at in measured[name] if value >= threshold), runs)
            made[Condition((name, "", "", threshold), over=True)] = bits
    return made


def _thresholds(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return sorted({ordered[int(len(ordered) * share)] for share in _QUANTILES})


def _conjunctions(field: _Field, singles: Sequence[_Candidate]) -> tuple[list[_Candidate], int]:
    """Pairs of conditions that hold for other runs than any single one; and how many were tried."""
    seen = {one.bits for one in singles}
    made = []
    for one in singles[:_BEAM]:
        for other in singles:
            bits = one.bits & other.bits
            if bits in seen or bits.bit_count() < _LEAST_RUNS:
                continue
            seen.add(bits)
            p = field.p(bits)
            if p <= Q:
                made.append(_Candidate(one.conditions + other.conditions, bits, p))
    return made, len(seen) - len(singles)


def _false_shares(ordered: Sequence[float], tried: int) -> dict[float, float]:
    """For each p-value, smallest first, the share of false discoveries up to it (its q-value)."""
    shares: dict[float, float] = {}
    least = 1.0
    for rank in range(len(ordered), 0, -1):
        p = ordered[rank - 1]
        shares[p] = least = min(least, p * tried / rank)
    return shares


def _cover(field: _Field, significant: Sequence[_Candidate]) -> list[_Candidate]:
    """Up to five conditions that together explain the most, each adding to those before."""
    chosen: list[_Candidate] = []
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
