"""What a review says, whoever shows it: one record for the page, JSON and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from clustertrace.patterns.signature import Variant
from clustertrace.review.commitments import Changes
from clustertrace.review.sums import PatternWeek, Sums
from clustertrace.review.weeks import Window

__all__ = ["DeadEnd", "Dear", "Review", "WeekRuns"]


class Dear(NamedTuple):
    """A session, or a run of no session, by what its runs of the week cost."""

    session_id: str | None
    trace_id: str
    """The run, or the first one of the session in the week."""
    name: str
    """Of its root."""
    said: str | None
    """What it began with."""
    runs: int
    cost_usd: float
    unpriced_calls: int


class DeadEnd(NamedTuple):
    """A session, or a run of no session, in which runs of the week came to a dead end."""

    session_id: str | None
    trace_id: str
    """The last of these runs."""
    name: str
    said: str | None
    kind: str
    """How that one ended (clustertrace.understanding.endings.DEAD_ENDS)."""
    start_ns: int
    runs: int
    """How many of its runs came to one."""
    went_on: bool
    """Whether the session has a later run."""


class WeekRuns(NamedTuple):
    """How often a pattern ran in a week."""

    window: Window
    runs: int
    """Finished ones."""
    failed: int


@dataclass(frozen=True, slots=True)
class Review:
    """A week and what it came to."""

    window: Window
    total: Sums
    patterns: int
    """How many patterns its runs have."""
    dear: tuple[Dear, ...]
    """What cost most first."""
    cache: tuple[PatternWeek, ...]
    """Patterns that lost money or tokens to missed caches, the most first, then those that read
    most."""
    most_run: PatternWeek | None
    trend: tuple[WeekRuns, ...]
    """Of that pattern, this week last."""
    endings: Mapping[str, int]
    """Runs that came to a dead end, by its kind; kinds that there are none of are left out."""
    dead_ends: tuple[DeadEnd, ...]
    """The newest first."""
    changes: Changes
    newest_ns: int | None
    """When the newest run of all began; None: there is none."""
    variants: Mapping[str, Variant]
    """What the patterns consist of that are named here."""
