"""Why a pattern fails: what its failed runs did before they failed, and passed runs did not.

Both sides come from one population: the pattern, else its family (unless errors ended runs of it),
else all runs of the same root name and kind of agent, the narrowest in which something is
significant. Each condition of each population that is tried counts for the correction (Benjamini
and Hochberg). Tested is one-sided, by Fisher's exact test, with one failed and one passed run for
each session. Reported is what at least half of the pattern's own failed runs have, unless what was
reported before it says it all; how a run ended (its length, its last step) is left out, because
runs that succeed may stop there (clustertrace.patterns.cutting).

Associations, not causes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from clustertrace.patterns.conditions import Case, Condition, case_of
from clustertrace.patterns.cutting import (
    Cut,
    Member,
    before,
    failure_point,
    matched_cuts,
    point_at,
)
from clustertrace.patterns.field import ALIKE_FROM, Candidate, Field, by_p, columns_of, places_in
from clustertrace.patterns.pace import pace_traits, paces
from clustertrace.patterns.rules import Q
from clustertrace.patterns.signature import cut_short, in_order, normal_name, steps_of
from clustertrace.patterns.statistics import benjamini_hochberg, false_shares
from clustertrace.patterns.tags import common_keys, tag_traits
from clustertrace.patterns.traits import BROKE_OFF

__all__ = ["Difference", "Population", "Why", "explain"]

MOST: Final = 5
"""Differences that are reported."""
EVIDENCE: Final = 5
"""Runs that are named for each."""

_MIN_RUNS: Final = 4
"""Runs that a condition must hold for, and runs that it must not hold for."""
_END_TRAITS: Final = frozenset(
    {"steps", "model calls", "user turns", "ends with", "last argument", "last result"}
    | {"input tokens", "output tokens", "argument bytes", "result bytes"}
)
"""What a condition may not be about: it says how far the run went."""
_AT_THE_FAILURE: Final = frozenset({"last argument", "last result"})
"""Where every failed run is cut, and the others as late, these say what preceded the failure."""
_HOW_MUCH: Final = frozenset({"user turns", "input tokens"})
"""Where every failed run is cut, neither had these only after it: a long conversation may break.
Others count with all that they had to their end."""


_Cases = dict[tuple[str, Cut], tuple[Case, Mapping[str, float]]]
"""What is true of runs and how long their calls took, by their id and where they were cut."""


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
    """Steps and model calls that failed for good in runs that ended in an error, with how many;
    most first. What ended a run that went on after one may be that, or its own code."""
    differences: tuple[Difference, ...]
    """Most significant first."""
    raised_after: tuple[tuple[str, int], ...] = ()
    """Steps that worked and after which the pattern's runs ended in an error, with how many."""
    others_left_out: bool = False
    """Whether runs of the same root name were left out, as those of another kind of agent."""


class _Compared(NamedTuple):
    members: Sequence[Member]
    field: Field
    singles: Sequence[Candidate]
    left_out: int


def explain(populations: Sequence[Population], *, others_left_out: bool = False) -> Why:
    """Compare failed with passed runs, in ever wider populations.

    `others_left_out` says that there are runs of the same root name that are in none of them.
    """
    failed_members = [one for one in populations[0].members if one.failed and one.of_pattern]
    cases: _Cases = {}
    compared = [
        (level, _compare(members, cases))
        for place, (level, members) in enumerate(populations, 1)
        if level != "family" or place == len(populations) or not _any_cut_short(members)
    ]
    tried = sum(len(comparison.singles) for _, comparison in compared)
    p_values = [one.p for _, comparison in compared for one in comparison.singles if one.p <= Q]
    bound = benjamini_hochberg(p_values, Q, tried) if tried else -1.0
    shares = false_shares(sorted(p for p in p_values if p <= bound), tried)
    reported = ((*one, _differences(one[1], bound, shares)) for one in compared)
    level, comparison, differences = next((one for one in reported if one[2]), (*compared[-1], ()))
    return Why(
        len(failed_members),
        level,
        comparison.field.failures,
        comparison.field.runs - comparison.field.failures,
        comparison.left_out,
        tried,
        _breaking_steps(failed_members),
        differences,
        _raised_after(failed_members),
        others_left_out,
    )


def _any_cut_short(members: Sequence[Member]) -> bool:
    """Whether an error ended failed runs, so that a family is no population.

    Which family they are in is then due to the few steps that they took before; runs that passed
    are in it for all of theirs.
    """
    return any(one.failed and cut_short(one.spans) is not None for one in members)


def _compare(members: Sequence[Member], cases: _Cases) -> _Compared:
    """Cut the runs so that they are comparable, and try every single condition on them."""
    names = {
        one.trace_id: [normal_name(step.name) for step in steps_of(one.spans)] for one in members
    }
    points = {member.trace_id: failure_point(member) for member in members if member.failed}
    are_cut = any(point is not None for point in points.values())
    unasked = _END_TRAITS
    if None not in points.values():
        unasked = _END_TRAITS - _AT_THE_FAILURE - _HOW_MUCH
    cuts = {trace_id: Cut(point) for trace_id, point in points.items()}
    cuts |= matched_cuts(
        [None if point is None else point_at(names[one], point) for one, point in points.items()],
        [(one.trace_id, names[one.trace_id]) for one in members if not one.failed],
    )
    comparable_members = [member for member in members if member.trace_id in cuts]
    keys = common_keys(
        *([one.tags for one in members if one.failed is failed] for failed in (True, False))
    )
    known = [_case(member, cuts[member.trace_id], cases) for member in comparable_members]
    slow = pace_traits([own for _, own in known], 2 * _MIN_RUNS)
    compared_cases = [
        case._replace(traits=case.traits | tag_traits(member.tags, keys) | of_pace)
        for member, (case, _), of_pace in zip(comparable_members, known, slow, strict=True)
    ]
    field = Field(columns_of(compared_cases))
    comparable = field.all_failed and field.all_failed != field.everything
    broke_at = {name for name, _ in _breaking_steps([one for one in members if one.failed])}
    singles = (
        field.singles(_MIN_RUNS, lambda one: _is_reportable(one, broke_at, unasked), cut=are_cut)
        if comparable
        else []
    )
    return _Compared(comparable_members, field, singles, len(members) - len(comparable_members))


def _case(member: Member, cut: Cut, cases: _Cases) -> tuple[Case, Mapping[str, float]]:
    """What is true of a run up to a step; most are cut alike in every population."""
    key = (member.trace_id, cut)
    if key not in cases:
        spans = before(member.spans, cut.place)
        case = case_of(spans, member.failed, member.session)
        if cut.place is not None and not member.failed:
            case = _with_the_rest(case, case_of(member.spans, False, None), cut)
        # Those that passed are cut as runs that broke off are, so their absences compare.
        case = case._replace(traits=case.traits - {BROKE_OFF})
        cases[key] = case, paces(spans if cut.at_same_step else member.spans)
    return cases[key]


def _with_the_rest(case: Case, whole: Case, cut: Cut) -> Case:
    """What is true of a passed run up to its cut, with what else counts of all of it."""
    if not cut.at_same_step:
        # After as many steps another run may be about to do what this one had done already.
        last = {name: case.measures[name] for name in _AT_THE_FAILURE}
        only_later = frozenset(whole.traits - case.traits)
        return case._replace(
            traits=case.traits | whole.traits,
            measures={**whole.measures, **last},
            only_later=only_later,
        )
    much = {trait for trait in whole.traits if trait[0] in _HOW_MUCH}
    measures = {name: whole.measures[name] for name in _HOW_MUCH & whole.measures.keys()}
    return case._replace(traits=case.traits | much, measures={**case.measures, **measures})


def _is_reportable(condition: Condition, broke_at: set[str], unasked: frozenset[str]) -> bool:
    """Where runs were cut before a step that they took, it only seems that they never took it."""
    what, step, *_ = condition.trait
    return what not in unasked and not (condition.negated and step in broke_at)


def _differences(
    comparison: _Compared, bound: float, shares: dict[float, float]
) -> tuple[Difference, ...]:
    field = comparison.field
    all_passed = field.everything & ~field.all_failed
    own_failed = sum(
        1 << index
        for index, member in enumerate(comparison.members)
        if member.failed and member.of_pattern
    )
    significant = [
        one
        for one in sorted(comparison.singles, key=by_p)
        if own_failed
        and one.p <= bound
        and 2 * (one.bits & own_failed).bit_count() >= own_failed.bit_count()
    ]
    chosen: list[Candidate] = []
    for candidate in significant:
        if len(chosen) >= MOST:
            break
        bits = [previous.bits for previous in chosen]
        what, step, *_ = candidate.conditions[0].trait
        if what == "pace":
            # That a step took its time must say more than that it was taken.
            bits.append(field.runs_with(("calls", step, "", 1)))
        is_news = not any(_says_the_same(candidate, previous) for previous in chosen)
        if is_news and field.adds_to(candidate.bits, bits):
            chosen.append(field.first_of_alike(candidate, significant))
    return tuple(
        Difference(
            candidate.conditions,
            (candidate.bits & field.all_failed).bit_count(),
            field.failures,
            (candidate.bits & all_passed).bit_count(),
            all_passed.bit_count(),
            candidate.p,
            shares[candidate.p],
            _evidence_ids(comparison.members, candidate.bits & own_failed),
            _evidence_ids(comparison.members, all_passed & ~candidate.bits),
        )
        for candidate in chosen
    )


def _says_the_same(candidate: Candidate, better: Candidate) -> bool:
    """For nearly the same runs, or of the same thing with another number."""
    alike = _jaccard(candidate.bits, better.bits) >= ALIKE_FROM
    return alike or _about(candidate) == _about(better)


def _about(candidate: Candidate) -> list[tuple[str, str, str, bool]]:
    return [
        (what, step, other, negated) for (what, step, other, _), negated, _ in candidate.conditions
    ]


def _jaccard(bits: int, other_bits: int) -> float:
    return (bits & other_bits).bit_count() / (bits | other_bits).bit_count()


def _evidence_ids(members: Sequence[Member], bits: int) -> tuple[str, ...]:
    return tuple(members[place].trace_id for place in places_in(bits)[:EVIDENCE])


def _raised_after(members: Sequence[Member]) -> tuple[tuple[str, int], ...]:
    """Where the runs' own code ended them, after a step that worked."""
    last_steps: Counter[str] = Counter()
    for member in members:
        if failure_point(member) is None and cut_short(member.spans) == "raised":
            steps = steps_of(member.spans)
            last_steps[normal_name(steps[-1].name) if steps else ""] += 1
    last_steps.pop("", None)
    return tuple(sorted(last_steps.items(), key=lambda item: (-item[1], item[0])))


def _breaking_steps(members: Sequence[Member]) -> tuple[tuple[str, int], ...]:
    broken: Counter[str] = Counter()
    for member in members:
        point = failure_point(member)
        if point is not None:
            steps = steps_of(member.spans)
            # A model call is named after its model, whose numbers mean something.
            is_step = point < len(steps)
            name = steps[point].name if is_step else in_order(member.spans)[-1].name
            broken[normal_name(name) if is_step else name] += 1
    return tuple(sorted(broken.items(), key=lambda item: (-item[1], item[0])))
