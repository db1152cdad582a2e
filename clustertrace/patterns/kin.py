"""Which runs of one root name are of the same kind of agent: those that share steps.

Many unlike agents call their root `agent`. That one never called what only the other one has says
nothing about either, so runs are compared with runs of their own kind. Steps bind two families if
a name is in both, or in both and a third: one agent's runs may share no step with each other. No
name of a root binds, nor do model calls, which all agents make.

How a run ended is not looked at, so what is told of failing is as honest among kin as among all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from clustertrace.patterns.signature import NOT_STEPS, Step

__all__ = ["Kin", "kin", "step_names"]


class Kin(NamedTuple):
    """Families of the same kind of agent."""

    families: tuple[str, ...]
    others: bool
    """Whether there are families of another kind."""


def step_names(steps: Sequence[Step]) -> frozenset[str]:
    """The names that bind a family to others; none if its runs took no step."""
    return frozenset(
        name
        for step in steps
        for name, kind in zip(step.names, step.kinds, strict=True)
        if kind not in NOT_STEPS
    )


def kin(own: frozenset[str], names_by_family: Mapping[str, frozenset[str]]) -> Kin:
    """The families, among those of one root name, of the kind that takes the steps `own`.

    Runs without any step are of every kind as long as there is but one, else of none that takes
    steps: nothing tells whose they are.
    """
    acting = {family: names for family, names in names_by_family.items() if names}
    bound = _bound(own or next(iter(acting.values()), own), acting)
    if len(bound) == len(acting):
        return Kin(tuple(names_by_family), others=False)
    families = bound if own else names_by_family.keys() - acting.keys()
    return Kin(tuple(one for one in names_by_family if one in families), others=True)


def _bound(own: frozenset[str], acting: Mapping[str, frozenset[str]]) -> set[str]:
    """The families that `own` steps reach, from name to name."""
    reached, bound, left = set(own), set[str](), dict(acting)
    while newly := {family for family, names in left.items() if names & reached}:
        bound |= newly
        for family in newly:
            reached |= left.pop(family)
    return bound
