"""Why a pattern fails: what its failed runs did before they failed, and passed runs did not.

Both sides come from one population: the pattern, else its family, else all runs of the same root
name, the narrowest in which something is significant. Each condition of each population that is
tried counts for the correction (Benjamini and Hochberg). Tested is one-sided, by Fisher's exact
test, with one failed and one passed run for each session. Reported is what at least half of the
pattern's own failed runs have; how a run ended (its length, its last step) is left out, because
runs that succeed may stop there (clustertrace.patterns.cutting).

Associations, not causes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from clustertrace.patterns.conditions import Case, Condition, case_of
from clustertrace.patterns.cutting import Member, before, failure_point, matched_points
from clustertrace.patterns.field import Candidate, Field, by_p, columns_of, places_in
from clustertrace.patterns.rules import Q
from clustertrace.patterns.signature import normal_name, steps_of
from clustertrace.patterns.statistics import benjamini_hochberg, false_shares

__all__ = ["Difference", "Population", "Why", "explain"]

MOST: Final = 5
"""Differences that are reported."""
EVIDENCE: Final = 5
"""Runs that are named for each."""

_LEAST_RUNS: Final = 4
"""Runs that a condition must hold for, and runs that it must not hold for."""
_ALIKE: Final = 0.9
"""Conditions that hold for nearly the same runs (Jaccard) say the same; the better one stays."""
_ENDS: Final = frozenset(
    {"steps", "model calls", "user turns", "ends with", "last argument", "last result"}
    | {"input tokens", "output tokens", "argument bytes", "result bytes"}
)
"""What a condition may not be about: it says how far the run went."""


_Cases = dict[tuple[str, int | None], Case]
"""What is true of runs, by their id and the step before which they were cut."""


class Population(NamedTuple):
    """Runs to compare."""

    level: str
    """What they share: `pattern`, `family` or `name`."""
    members: Sequence[Member]


@dataclass(frozen=True, slots=True)
class Difference:
    """A condition that goes along with failing."""

    conditions: tuple[Condition, ...]
    failed: int
    """Failed runs that it holds for."""
    all_failed: int
    passed: int
    """Passed runs that it holds for."""
    all_passed: int
    p: float
    q: float
    """The share of false discoveries to expect at this p-value, over everything tried."""
    evidence: tuple[str, ...]
    """Ids of failed runs of the pattern that it holds for."""
    contrast: tuple[str, ...]
    """Ids of passed runs that it does not hold for."""


@dataclass(frozen=True, slots=True)
class Why:
    """What is known about why a pattern fails."""

    failed: int
    """Failed runs of the pattern that were looked at."""
    level: str
    """The population that the differences are of, or the widest one if there are none."""
    all_failed: int
    all_passed: int
    """Runs of that population that could be compared."""
    left_out: int
    """Passed runs that ended before any of the failed ones broke."""
    tried: int
    """Conditions that were tried and corrected for, over all populations."""
    broke_at: tuple[tuple[str, int], ...]
    """Failed steps that ended runs of the pattern, with how many; most first."""
    differences: tuple[Difference, ...]
    """Most significant first."""


class _Compared(NamedTuple):
    members: Sequence[Member]
    field: Field
    singles: Sequence[Candidate]
    left_out: int


def explain(populations: Sequence[Population]) -> Why:
    """Compare failed with passed runs, in ever wider populations."""
    own = [one for one in populations[0].members if one.failed and one.of_pattern]
    cases: _Cases = {}
    compared = [(level, _compare(members, cases)) for level, members in populations]
    tried = sum(len(made.singles) for _, made in compared)
    found = [one.p for _, made in compared for one in made.singles if one.p <= Q]
    bound = benjamini_hochberg(found, Q, tried) if tried else -1.0
    shares = false_shares(sorted(p for p in found if p <= bound), tried)
    reported = ((*one, _differences(one[1], bound, shares)) for one in compared)
    level, made, differences = next((one for one in reported if one[2]), (*compared[-1], ()))
    return Why(
        len(own),
        level,
        made.field.failures,
        made.field.runs - made.field.failures,
        made.left_out,
        tried,
        _broke_at(own),
        differences,
    )


def _compare(members: Sequence[Member], known: _Cases) -> _Compared:
    """Cut the runs so that they are comparable, and try every single condition on them."""
    points = {one.trace_id: failure_point(one) for one in members if one.failed}
    passed = [(one.trace_id, len(steps_of(one.spans))) for one in members if not one.failed]
    points |= matched_points(list(points.values()), passed)
    kept = [one for one in members if one.trace_id in points]
    field = Field(columns_of([_case(one, points[one.trace_id], known) for one in kept]))
    comparable = field.all_failed and field.all_failed != field.everything
    singles = field.singles(_LEAST_RUNS, _wanted) if comparable else []
    return _Compared(kept, field, singles, len(members) - len(kept))


def _case(one: Member, point: int | None, known: _Cases) -> Case:
    """What is true of a run up to a step; most are cut alike in every population."""
    key = (one.trace_id, point)
    if key not in known:
        known[key] = case_of(before(one.spans, point), one.failed, one.session)
    return known[key]


def _wanted(condition: Condition) -> bool:
    what, *_ = condition.trait
    return what not in _ENDS


def _differences(
    made: _Compared, bound: float, shares: dict[float, float]
) -> tuple[Difference, ...]:
    field = made.field
    all_passed = field.everything & ~field.all_failed
    own = sum(1 << at for at, one in enumerate(made.members) if one.failed and one.of_pattern)
    chosen: list[Candidate] = []
    for one in sorted(made.singles, key=by_p):
        if not own or one.p > bound or len(chosen) >= MOST:
            break
        if 2 * (one.bits & own).bit_count() < own.bit_count():
            continue
        if all(_likeness(one.bits, other.bits) < _ALIKE for other in chosen):
            chosen.append(one)
    return tuple(
        Difference(
            one.conditions,
            (one.bits & field.all_failed).bit_count(),
            field.failures,
            (one.bits & all_passed).bit_count(),
            all_passed.bit_count(),
            one.p,
            shares[one.p],
            _ids(made.members, one.bits & own),
            _ids(made.members, all_passed & ~one.bits),
        )
        for one in chosen
    )


def _likeness(one: int, other: int) -> float:
    return (one & other).bit_count() / (one | other).bit_count()


def _ids(members: Sequence[Member], bits: int) -> tuple[str, ...]:
    return tuple(members[at].trace_id for at in places_in(bits)[:EVIDENCE])


def _broke_at(own: Sequence[Member]) -> tuple[tuple[str, int], ...]:
    broken: Counter[str] = Counter()
    for one in own:
        point = failure_point(one)
        if point is not None:
            broken[normal_name(steps_of(one.spans)[point].name)] += 1
    return tuple(sorted(broken.items(), key=lambda item: (-item[1], item[0])))
