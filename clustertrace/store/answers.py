"""What the read side answers with: small frozen records, no SQL and no I/O.

Every face of the product (pages, commands, MCP, snapshots) gets these and nothing else.
Times are nanoseconds since the Unix epoch, durations nanoseconds, costs US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clustertrace.patterns.signature import Step
from clustertrace.patterns.statistics import Interval, wilson

__all__ = [
    "Cluster",
    "ClusterPage",
    "Day",
    "Facets",
    "Family",
    "FamilyPage",
    "Hit",
    "HitPage",
    "MetricSummary",
    "Overview",
    "PatternAnnotation",
    "Step",
    "TracePage",
    "TraceRow",
]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole database in a few numbers."""

    traces: int
    failed: int
    failed_by_outcome: int
    """Of `failed`: those that the user called so."""
    failed_by_status: int
    """Of `failed`: those without an outcome whose root span ended in error."""
    running: int
    incomplete: int
    spans: int
    variants: int
    sessions: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float
    first_ns: int | None
    last_ns: int | None

    @property
    def finished(self) -> int:
        """Traces that have ended, one way or the other: what rates are out of."""
        return self.traces - self.running - self.incomplete


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
    p50_ns: int | None
    """Median duration, from a histogram: within 5 % of the exact one."""
    p95_ns: int | None
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


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One line of a list of traces."""

    trace_id: str
    name: str
    status: str
    outcome: str | None
    failed: bool
    start_ns: int
    duration_ns: int | None
    session_id: str | None
    variant: str | None
    span_count: int
    error_count: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    first_prompt: str | None
    error: str | None
    """The message of the root's error, or of the first failed span."""
    tags: Mapping[str, str]
    by_hand: bool = False
    """The outcome, or that there is none, is the user's own word, given afterwards."""
    starred: bool = False
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TracePage:
    """Some of the traces, and how many match."""

    rows: tuple[TraceRow, ...]
    total: int
    more: bool = False
    """There are more than `total`: beyond a limit they are not counted."""


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric over all traces."""

    name: str
    count: int
    mean: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One span that matches a text search."""

    trace_id: str
    span_id: str
    trace_name: str
    span_name: str
    kind: str
    failed: bool
    start_ns: int
    field: str
    """Which field matched: name, input, output, error or attributes."""
    snippet: str
    """The words around the match; matches stand between \\x02 and \\x03."""


@dataclass(frozen=True, slots=True)
class Facets:
    """What kinds of spans match a search, among the newest that do."""

    kinds: Mapping[str, int]
    failed: int
    looked_at: int
    """How many matching spans were looked at."""
    more: bool
    """Whether further ones match."""


@dataclass(frozen=True, slots=True)
class HitPage:
    """Some of the matching spans."""

    hits: tuple[Hit, ...]
    more: bool
    """Whether further hits follow."""
    behind: int
    """Spans that are stored but not yet in the text index."""
