"""The data of a review, for the page, JSON and Markdown alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from clustertrace.patterns.signature import Variant
from clustertrace.review.commitments import Changes
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.review.weeks import Window

__all__ = ["DeadEnd", "Review", "SessionCost", "WeekRuns"]


class SessionCost(NamedTuple):
    """A session, or a run without one, and the cost of its runs in the week."""

    session_id: str | None
    trace_id: str
    """The run, or the session's first run in the week."""
    name: str
    """The name of its root span."""
    first_prompt: str | None
    runs: int
    cost_usd: float
    unpriced_calls: int


class DeadEnd(NamedTuple):
    """A session, or a run without one, with runs of the week that came to a dead end."""

    session_id: str | None
    trace_id: str
    """The last of these runs."""
    name: str
    first_prompt: str | None
    kind: str
    """How that run ended (clustertrace.understanding.endings.DEAD_ENDS)."""
    start_ns: int
    runs: int
    """How many of its runs came to a dead end."""
    went_on: bool
    """Whether the session has a run after that one."""
    reason: str | None = None
    """What was recorded with the outcome of that run, where its kind is `fail`."""


class WeekRuns(NamedTuple):
    """How often a pattern ran in a week."""

    window: Window
    runs: int
    """How many finished."""
    failed: int


@dataclass(frozen=True, slots=True)
class Review:
    """A week and the figures of its runs."""

    window: Window
    total: Sums
    patterns: int
    """How many patterns its runs follow."""
    dearest: tuple[SessionCost, ...]
    """Sessions and single runs, the most expensive first."""
    cache: tuple[PatternWeek, ...]
    """Patterns that lost money or tokens to cache misses, most first; then those that read most."""
    most_run: PatternWeek | None
    trend: tuple[WeekRuns, ...]
    """The weeks of that pattern, this week last."""
    endings: Mapping[str, int]
    """Runs that came to a dead end, by kind; kinds without runs are left out."""
    dead_ends: tuple[DeadEnd, ...]
    """Newest first."""
    changes: Changes
    newest_ns: int | None
    """When the newest run of all began; None without any runs."""
    variants: Mapping[str, Variant]
    """The variants of the patterns that the review names, by id."""
