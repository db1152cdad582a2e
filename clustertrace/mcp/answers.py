"""What the tools answer with, which is also their output schema.

Times are ISO 8601 in UTC, durations milliseconds, costs US dollars. Everything that is counted
comes with ids of the runs, spans or patterns behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict

from clustertrace.mcp.bounds import cut
from clustertrace.store.answers import Cluster, Hit, TraceRow
from clustertrace.telling.words import step_text

__all__ = [
    "Answer",
    "Found",
    "FoundList",
    "Pattern",
    "PatternList",
    "Run",
    "RunList",
    "milliseconds",
]

_TEXT_LIMIT: Final = 500
"""Characters of a text in a list."""
_STEP_LIMIT: Final = 60
_TAG_LIMIT: Final = 30


class Answer(BaseModel):
    """The answer of a tool."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Pattern(Answer):
    """An execution pattern: runs that took the same steps."""

    pattern_id: str
    name: str
    """The root span's name: which agent or function ran."""
    steps: list[str]
    """`fetch!` failed, `search ×2–3` ran two or three times in a row."""
    family_id: str
    """Shared by patterns that are nearly the same."""
    runs: int
    """Finished runs."""
    failed: int
    failed_by_outcome: int
    """How many of `failed` were marked so by a person or program; the rest ended in an error."""
    failure_rate: float
    failure_interval: tuple[float, float]
    """Wilson's 95 % interval."""
    share_of_failures: float
    p50_ms: float | None
    """Median duration, an estimate from a histogram: within 5 % of the exact one."""
    p95_ms: float | None
    """95th percentile of the durations, an estimate as well."""
    cost_usd: float
    unpriced_calls: int
    """Model calls without a known price, which `cost_usd` leaves out."""
    first: str
    last: str
    sample_trace_id: str
    """A recent failed run, or a recent run if none failed."""
    failures_expected: bool
    priority: str | None
    note: str | None

    @classmethod
    def of(cls, cluster: Cluster) -> Self:
        """The pattern that a query found."""
        return cls(
            pattern_id=cluster.id,
            name=cut(cluster.name, _TEXT_LIMIT),
            steps=[cut(step_text(step), _TEXT_LIMIT) for step in cluster.steps[:_STEP_LIMIT]]
            + ["…"] * (len(cluster.steps) > _STEP_LIMIT),
            family_id=cluster.family,
            runs=cluster.count,
            failed=cluster.failed,
            failed_by_outcome=cluster.failed_by_outcome,
            failure_rate=cluster.failure_rate,
            failure_interval=(cluster.interval.low, cluster.interval.high),
            share_of_failures=cluster.share_of_failures,
            p50_ms=milliseconds(cluster.p50_ns),
            p95_ms=milliseconds(cluster.p95_ns),
            cost_usd=cluster.cost_usd,
            unpriced_calls=cluster.unpriced_calls,
            first=_instant(cluster.first_ns),
            last=_instant(cluster.last_ns),
            sample_trace_id=cluster.sample_trace_id,
            failures_expected=cluster.annotation.expected,
            priority=cluster.annotation.priority,
            note=cluster.annotation.note and cut(cluster.annotation.note, _TEXT_LIMIT),
        )


class PatternList(Answer):
    """Patterns, and how many runs are in all of them."""

    sentence: str | None
    """Where the failures are; on the first page only, when ordered by failures."""
    patterns: list[Pattern]
    total: int
    runs: int
    failed: int
    failed_as_expected: int
    """Of `failed`: those in patterns whose failures are expected, which come after the others."""
    next_cursor: str | None


class Run(Answer):
    """One run, a trace."""

    trace_id: str
    name: str
    status: str
    """How its root ended: ok, error, running, incomplete."""
    outcome: str | None
    """pass or fail, if somebody set it; it overrides the status."""
    outcome_reason: str | None
    failed: bool
    error: str | None
    first_prompt: str | None
    start: str
    duration_ms: float | None
    session_id: str | None
    pattern_id: str | None
    spans: int
    failed_spans: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    tags: dict[str, str]
    starred: bool
    note: str | None

    @classmethod
    def of(cls, row: TraceRow) -> Self:
        """The run behind a line of a list."""
        return cls(
            trace_id=row.trace_id,
            name=cut(row.name, _TEXT_LIMIT),
            status=row.status,
            outcome=row.outcome,
            outcome_reason=row.outcome_reason and cut(row.outcome_reason, _TEXT_LIMIT),
            failed=row.failed,
            error=row.error and cut(row.error, _TEXT_LIMIT),
            first_prompt=row.first_prompt and cut(row.first_prompt, _TEXT_LIMIT),
            start=_instant(row.start_ns),
            duration_ms=milliseconds(row.duration_ns),
            session_id=row.session_id,
            pattern_id=row.variant,
            spans=row.span_count,
            failed_spans=row.error_count,
            llm_calls=row.llm_calls,
            unpriced_calls=row.unpriced_calls,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost_usd=row.cost_usd,
            tags=_limited_tags(row.tags),
            starred=row.starred,
            note=row.note and cut(row.note, _TEXT_LIMIT),
        )


class RunList(Answer):
    """Runs, newest first, and how many match."""

    runs: list[Run]
    total: int
    next_cursor: str | None


class Found(Answer):
    """A span that a text search found."""

    trace_id: str
    span_id: str
    trace_name: str
    span_name: str
    kind: str
    failed: bool
    start: str
    field: str
    """Where the words are: name, input, output, error or attributes."""
    snippet: str
    """The words in their context, each marked with «»."""

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """The span behind a hit."""
        return cls(
            trace_id=hit.trace_id,
            span_id=hit.span_id,
            trace_name=cut(hit.trace_name, _TEXT_LIMIT),
            span_name=cut(hit.span_name, _TEXT_LIMIT),
            kind=hit.kind,
            failed=hit.failed,
            start=_instant(hit.start_ns),
            field=hit.field,
            snippet=cut(hit.quoted, _TEXT_LIMIT),
        )


class FoundList(Answer):
    """Spans, newest first."""

    spans: list[Found]
    not_yet_searchable: int
    """Stored spans that the text index has not reached."""
    next_cursor: str | None


def _instant(time_ns: int) -> str:
    """A moment in UTC, to the millisecond."""
    try:
        return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return f"{time_ns} ns since 1970"


def milliseconds(duration_ns: int | None) -> float | None:
    """A duration in milliseconds, to the microsecond."""
    return None if duration_ns is None else round(duration_ns / 1e6, 3)


def _limited_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    return {
        cut(key, _TEXT_LIMIT): cut(str(tags[key]), _TEXT_LIMIT) for key in list(tags)[:_TAG_LIMIT]
    }
