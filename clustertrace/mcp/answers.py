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
    "instant",
    "milliseconds",
]

_SHORT: Final = 500
"""Characters of a text in a list."""
_STEPS: Final = 60
_TAGS: Final = 30


class Answer(BaseModel):
    """Something that a tool says."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Pattern(Answer):
    """An execution pattern: runs that took the same steps."""

    pattern_id: str
    name: str
    """The root span's: which agent or function ran."""
    steps: list[str]
    """`fetch!` failed, `search ×2–3` ran two or three times in a row."""
    family_id: str
    """Patterns that nearly agree share it."""
    runs: int
    """Finished ones."""
    failed: int
    failed_by_outcome: int
    """Of `failed`: those that a person or the program called so; others ended in an error."""
    failure_rate: float
    failure_interval: tuple[float, float]
    """Wilson's 95 % interval."""
    share_of_failures: float
    p50_ms: float | None
    p95_ms: float | None
    cost_usd: float
    unpriced_calls: int
    """Model calls without a known price, which `cost_usd` leaves out."""
    first: str
    last: str
    sample_trace_id: str
    """A recent failed run, or where none failed a recent one."""
    failures_expected: bool
    priority: str | None
    note: str | None

    @classmethod
    def of(cls, one: Cluster) -> Self:
        """The pattern that a query found."""
        return cls(
            pattern_id=one.id,
            name=cut(one.name, _SHORT),
            steps=[cut(step_text(step), _SHORT) for step in one.steps[:_STEPS]]
            + ["…"] * (len(one.steps) > _STEPS),
            family_id=one.family,
            runs=one.count,
            failed=one.failed,
            failed_by_outcome=one.failed_by_outcome,
            failure_rate=one.failure_rate,
            failure_interval=(one.interval.low, one.interval.high),
            share_of_failures=one.share_of_failures,
            p50_ms=milliseconds(one.p50_ns),
            p95_ms=milliseconds(one.p95_ns),
            cost_usd=one.cost_usd,
            unpriced_calls=one.unpriced_calls,
            first=instant(one.first_ns),
            last=instant(one.last_ns),
            sample_trace_id=one.sample_trace_id,
            failures_expected=one.annotation.expected,
            priority=one.annotation.priority,
            note=one.annotation.note and cut(one.annotation.note, _SHORT),
        )


class PatternList(Answer):
    """Patterns, and how many runs are in all of them."""

    sentence: str | None
    """Where the failures are; on the first page, ordered by failures."""
    patterns: list[Pattern]
    total: int
    runs: int
    failed: int
    next_cursor: str | None


class Run(Answer):
    """One run, a trace."""

    trace_id: str
    name: str
    status: str
    """How its root ended: ok, error, running, incomplete."""
    outcome: str | None
    """pass or fail, where somebody said so; it decides over the status."""
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
            name=cut(row.name, _SHORT),
            status=row.status,
            outcome=row.outcome,
            failed=row.failed,
            error=row.error and cut(row.error, _SHORT),
            first_prompt=row.first_prompt and cut(row.first_prompt, _SHORT),
            start=instant(row.start_ns),
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
            tags=_some(row.tags),
            starred=row.starred,
            note=row.note and cut(row.note, _SHORT),
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
    """The words around them, «» around each."""

    @classmethod
    def of(cls, hit: Hit) -> Self:
        """The span behind a hit."""
        return cls(
            trace_id=hit.trace_id,
            span_id=hit.span_id,
            trace_name=cut(hit.trace_name, _SHORT),
            span_name=cut(hit.span_name, _SHORT),
            kind=hit.kind,
            failed=hit.failed,
            start=instant(hit.start_ns),
            field=hit.field,
            snippet=cut(hit.snippet.replace("\x02", "«").replace("\x03", "»"), _SHORT),
        )


class FoundList(Answer):
    """Spans, newest first."""

    spans: list[Found]
    not_yet_searchable: int
    """Stored spans that the text index has not reached."""
    next_cursor: str | None


def instant(time_ns: int) -> str:
    """A moment in UTC, to the millisecond."""
    try:
        return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return f"{time_ns} ns since 1970"


def milliseconds(duration_ns: int | None) -> float | None:
    """A duration in milliseconds, to the microsecond."""
    return None if duration_ns is None else round(duration_ns / 1e6, 3)


def _some(tags: Mapping[str, Any]) -> dict[str, str]:
    return {cut(key, _SHORT): cut(str(tags[key]), _SHORT) for key in list(tags)[:_TAGS]}
