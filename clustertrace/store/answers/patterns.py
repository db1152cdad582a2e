"""Patterns and families, with how their runs went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clustertrace.patterns.signature import Step
from clustertrace.patterns.statistics import Interval, wilson

__all__ = ["Cluster", "ClusterPage", "Day", "Family", "FamilyPage", "PatternAnnotation"]


@dataclass(frozen=True, slots=True)
class Day:
    """Runs of one UTC day."""

    day: int
    """Days since 1970-01-01."""
    count: int
    failed: int


@dataclass(frozen=True, slots=True)
class PatternAnnotation:
    """What the user says about a pattern."""

    expected: bool = False
    """Its failures are expected: known, and nothing to look into."""
    priority: Literal["high", "low"] | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """One pattern (a variant): the traces that took the same steps."""

    id: str
    name: str
    """The root span's name: which agent or function ran."""
    steps: tuple[Step, ...]
    count: int
    """Finished traces."""
    failed: int
    share_of_failures: float
    """Of all failed traces in view, 0 to 1."""
    cost_usd: float
    unpriced_calls: int
    begun: int
    """Runs that `cost_usd` adds up: also those that did not end."""
    p50_ns: int | None
    """Median duration, from a histogram: within 5 % of the exact one."""
    p95_ns: int | None
    """95th percentile of the durations, as near."""
    first_ns: int
    last_ns: int
    sample_trace_id: str
    """A recent failed trace, or where none failed a recent one."""
    days: tuple[Day, ...] = ()
    failed_by_outcome: int = 0
    """Of `failed`: those that the user called so; the others ended in an error of their root."""
    family: str = ""
    """The family that it belongs to."""
    annotation: PatternAnnotation = PatternAnnotation()
    """Of a pattern, not of a family."""

    @property
    def failure_rate(self) -> float:
        """Failed out of finished, 0 to 1."""
        return self.failed / self.count if self.count else 0.0

    @property
    def cost_each_usd(self) -> float:
        """What a run cost on average, US dollars, as far as is known."""
        return self.cost_usd / self.begun if self.begun else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval of the failure rate."""
        return wilson(self.failed, self.count)


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """Some of the patterns, and how many there are."""

    clusters: tuple[Cluster, ...]
    total: int
    traces: int
    """Finished traces in all patterns."""
    failed: int
    """Failed traces in all patterns."""
    expected: int = 0
    """Of `failed`: those in patterns whose failures the user expects."""


@dataclass(frozen=True, slots=True)
class Family:
    """Patterns that nearly agree. They put order into a list and are no evidence."""

    whole: Cluster
    """All of them counted together; `id` is the family's, `steps` are those of its oldest."""
    variants: int
    """How many patterns it holds."""


@dataclass(frozen=True, slots=True)
class FamilyPage:
    """Some of the families, and how many there are."""

    families: tuple[Family, ...]
    total: int
    traces: int
    """Finished traces in all families."""
    failed: int
    """Failed traces in all families."""
