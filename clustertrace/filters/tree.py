"""What a filter is once it is read: conditions, and how they are combined."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "And",
    "Compare",
    "Filter",
    "Match",
    "Not",
    "Or",
    "Sequence",
    "Since",
    "StepName",
    "Text",
    "Until",
    "before_only",
]


@dataclass(frozen=True, slots=True)
class Match:
    """A field's text fits a pattern in which `*` stands for anything; ASCII case is ignored."""

    field: str
    """One of `fields.TEXTS`, or `tag.KEY`."""
    pattern: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A number of the trace compares so with another. A trace without it never matches."""

    field: str
    """One of `fields.NUMBERS`, or `metric.NAME` (any of its values)."""
    operator: str
    value: float
    """In the field's own unit: US dollars, nanoseconds, counts."""


@dataclass(frozen=True, slots=True)
class StepName:
    """A step by its name's pattern; `failed` asks for one that ended in error."""

    pattern: str
    failed: bool

    @property
    def names(self) -> str:
        """The pattern of the names: `#`, as execution patterns write what varies, is any text."""
        return self.pattern.replace("#", "*")


@dataclass(frozen=True, slots=True)
class Sequence:
    """Steps that follow each other in this order, others in between allowed."""

    steps: tuple[StepName, ...]


@dataclass(frozen=True, slots=True)
class Since:
    """It began at or after this time, nanoseconds since 1970."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class Until:
    """It began before this time, nanoseconds since 1970."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class Text:
    """Some span's texts match a full-text query."""

    query: str


@dataclass(frozen=True, slots=True)
class Not:
    """The filter inside does not hold."""

    inner: Filter


@dataclass(frozen=True, slots=True)
class And:
    """All of these hold; none at all: every trace."""

    parts: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these holds."""

    parts: tuple[Filter, ...]


Filter = Match | Compare | Sequence | Since | Until | Text | Not | And | Or


def before_only(before: Filter, after: Filter) -> Filter:
    """The runs before a change, without those that are after it as well."""
    return And((before, Not(after)))
