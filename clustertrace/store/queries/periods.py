"""Any span of time out of roll-ups by UTC day: whole days, and at either end a part of one.

A part is read from the runs themselves: those of the day that are inside, or, where they are fewer
hours, those that are outside, which are taken out again. So a part always lies in one half of a
day, by which runs are indexed.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from clustertrace.model import NS_PER_DAY

__all__ = ["Part", "Period", "period"]

_HALF: Final = NS_PER_DAY // 2


class Part(NamedTuple):
    """A part of a half day."""

    half_day: int
    """Counted from 1970-01-01."""
    start_ns: int
    end_ns: int
    sign: int
    """1: to be added; -1: to be taken out of the whole days."""


class Period(NamedTuple):
    """What a span of time is made of."""

    first_day: int
    """Whole days, counted from 1970-01-01."""
    end_day: int
    """The first one behind them."""
    parts: tuple[Part, ...]


def period(start_ns: int, end_ns: int) -> Period:
    """Take a span of time, without its last moment, to pieces."""
    first_day, start = _edge(start_ns)
    end_day, end = _edge(end_ns)
    # What is added at the end is taken out at the start.
    parts = [part._replace(sign=-part.sign) for part in start] + end
    return Period(first_day, end_day, tuple(parts))


def _edge(at_ns: int) -> tuple[int, list[Part]]:
    """Everything before a moment: all days before one, and a part of a day more or less."""
    half, inside = divmod(at_ns, _HALF)
    day, second = divmod(half, 2)
    if second:
        return day + 1, [Part(half, at_ns, (half + 1) * _HALF, -1)]
    return day, [Part(half, half * _HALF, at_ns, 1)] if inside else []
