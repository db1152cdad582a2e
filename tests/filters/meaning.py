"""What a filter means, in plain Python: what the database's answers are held to."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from clustertrace.filters.tree import (
    And,
    Compare,
    Filter,
    Match,
    Not,
    Or,
    Sequence,
    Since,
    Text,
    Until,
)
from clustertrace.filters.wildcards import fits

__all__ = ["Subject", "holds"]

_OPERATORS: Final = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A trace as filters see it."""

    start_ns: int
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """For each text field, `tag.KEY` included, its values."""
    numbers: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """For each number field, `metric.NAME` included, its values."""
    steps: tuple[tuple[str, bool], ...] = ()
    """Steps in order: name, and whether it failed."""
    words: frozenset[str] = frozenset()
    """Words of its texts, in lower case."""


def holds(filter_: Filter, subject: Subject) -> bool:
    """Whether a filter holds for a trace."""
    match filter_:
        case And(parts):
            return all(holds(part, subject) for part in parts)
        case Or(parts):
            return any(holds(part, subject) for part in parts)
        case Not(inner):
            return not holds(inner, subject)
        case Match(name, pattern):
            prefix = "*" if name in ("id", "pattern", "family") else ""
            return any(fits(value, pattern + prefix) for value in subject.texts.get(name, ()))
        case Compare(name, sign, number):
            return any(_OPERATORS[sign](value, number) for value in subject.numbers.get(name, ()))
        case Since(time_ns):
            return subject.start_ns >= time_ns
        case Until(time_ns):
            return subject.start_ns < time_ns
        case Text(query):
            return all(word in subject.words for word in query.lower().split())
        case Sequence(steps):
            rest = iter(subject.steps)
            return all(
                any(fits(name, step.names) and (failed or not step.failed) for name, failed in rest)
                for step in steps
            )
