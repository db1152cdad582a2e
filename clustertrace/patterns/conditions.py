"""What a run is learned from, and the conditions that hold for it or do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from clustertrace.model import Span
from clustertrace.patterns.traits import BROKE_OFF, Trait, run_of, traits_of

__all__ = ["Case", "Condition", "case_of", "matches"]


class Case(NamedTuple):
    """A run to learn from."""

    traits: set[Trait]
    measures: Mapping[str, float]
    failed: bool
    session: str | None = None
    only_later: frozenset[Trait] = frozenset()
    """Of the traits those that came only after the point up to which runs are compared."""


class Condition(NamedTuple):
    """A trait that must hold, or (negated) must not; `over` makes it a measure's threshold."""

    trait: Trait
    negated: bool = False
    over: bool = False


def case_of(spans: Sequence[Span], failed: bool, session: str | None) -> Case:
    """A run to learn from, of its spans in any order."""
    return Case(*traits_of(run_of(spans)), failed, session)


def matches(rule: Iterable[Condition], case: Case) -> bool:
    """Whether a run meets all conditions of a rule."""
    return all(_holds(condition, case) for condition in rule)


def _holds(condition: Condition, case: Case) -> bool:
    what, _, _, number = condition.trait
    if condition.over:
        return case.measures.get(what, 0) >= number
    if condition.negated:
        return condition.trait not in case.traits and BROKE_OFF not in case.traits
    return condition.trait in case.traits
