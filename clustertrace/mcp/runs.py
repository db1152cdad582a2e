"""One run for an assistant: its head, where it may have broken, and a page of its spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self

import orjson

from clustertrace.errors import NotFound
from clustertrace.mcp.answers import Answer, Run, milliseconds
from clustertrace.mcp.bounds import cursor_at, cut, start_of
from clustertrace.model import Span, Trace
from clustertrace.patterns.signature import in_order
from clustertrace.patterns.suspects import Suspect
from clustertrace.store import queries
from clustertrace.store.connection import Connection
from clustertrace.understanding.gaps import gaps

__all__ = ["RunDetail", "run_detail"]

_SPAN_LIMIT: Final = 50
"""Spans of a page."""
_PAGE_CHARACTERS: Final = 40_000
"""Characters of a page's payloads, after which the next page begins."""
_SPAN_CHARACTERS: Final = 20_000
"""Characters of each payload of a span that is requested by its id."""
_METRIC_LIMIT: Final = 50
_SUSPECT_LIMIT: Final = 3


class Step(Answer):
    """A span."""

    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    status: str
    at_ms: float
    """After the start of the run's first span."""
    duration_ms: float | None
    input: str | None
    """As JSON unless it is a text."""
    output: str | None
    error_type: str | None
    error_message: str | None
    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cost_usd: float | None
    finish_reason: str | None
    attributes: str | None
    """As JSON, only for a span that was requested by its id."""

    @classmethod
    def of(cls, span: Span, first_ns: int, limit: int, *, whole: bool) -> Self:
        """The span, each of its payloads cut to so many characters."""
        return cls(
            span_id=span.span_id,
            parent_span_id=span.parent_span_id,
            name=cut(span.name, limit),
            kind=span.kind,
            status=span.status,
            at_ms=(span.start_ns - first_ns) / 1e6,
            duration_ms=milliseconds(span.duration_ns),
            input=_limited_text(span.input, limit),
            output=_limited_text(span.output, limit),
            error_type=span.error_type,
            error_message=_limited_text(span.error_message, limit),
            model=span.model,
            provider=span.provider,
            input_tokens=span.input_tokens,
            output_tokens=span.output_tokens,
            cache_read_tokens=span.cache_read_tokens,
            cost_usd=span.cost_usd,
            finish_reason=span.finish_reason,
            attributes=_limited_text(dict(span.attributes), limit) if whole else None,
        )

    @property
    def length(self) -> int:
        """Characters of its payloads."""
        texts = (self.name, self.input, self.output, self.error_message, self.attributes)
        return sum(len(text) for text in texts if text)


class Suspicion(Answer):
    """A step at which a failed run may have broken."""

    span_id: str
    step: str
    reasons: list[str]
    compared_with: list[str]
    """Runs that the reasons refer to."""

    @classmethod
    def of(cls, suspect: Suspect) -> Self:
        """The suspicion that a query found."""
        return cls(
            span_id=suspect.span_id,
            step=suspect.step,
            reasons=[reason.words for reason in suspect.reasons],
            compared_with=sorted({r.trace_id for r in suspect.reasons if r.trace_id}),
        )


class RunDetail(Answer):
    """One run, with some of its spans in order of time."""

    run: Run
    outcome_reason: str | None
    metrics: dict[str, float]
    suspects: list[Suspicion]
    """For a failed run: where it may have broken, most suspicious first."""
    missing: list[str]
    """What its model calls did not report: unknown, not zero."""
    spans: list[Step]
    total_spans: int
    next_cursor: str | None


def run_detail(
    conn: Connection, trace_id: str, span_id: str | None, limit: int, cursor: str | None
) -> RunDetail:
    """A run by the beginning of its id, with a page of its spans, or one span whole.

    Raises NotFound or UsageError.
    """
    trace = queries.trace(conn, trace_id)
    ordered = in_order(trace.spans)
    next_cursor = None
    if span_id is not None:
        span = _find_span(trace, span_id)
        steps = [Step.of(span, ordered[0].start_ns, _SPAN_CHARACTERS, whole=True)]
    else:
        start = start_of(cursor, "run", trace.trace_id, limit)
        steps = _page_steps(ordered, start, limit)
        end = start + len(steps)
        if end < len(ordered):
            next_cursor = cursor_at(end, "run", trace.trace_id, limit)
    return RunDetail(
        run=Run.of(queries.trace_row(conn, trace.trace_id)),
        outcome_reason=_limited_text(trace.outcome_reason, limit),
        metrics={cut(one.name, limit): one.value for one in trace.metrics[:_METRIC_LIMIT]},
        suspects=[Suspicion.of(one) for one in queries.suspects_of(conn, trace)[:_SUSPECT_LIMIT]],
        missing=list(gaps(trace.spans)),
        spans=steps,
        total_spans=len(ordered),
        next_cursor=next_cursor,
    )


def _page_steps(ordered: Sequence[Span], start: int, limit: int) -> list[Step]:
    steps: list[Step] = []
    remaining_characters = _PAGE_CHARACTERS
    for span in ordered[start : start + _SPAN_LIMIT]:
        step = Step.of(span, ordered[0].start_ns, limit, whole=False)
        remaining_characters -= step.length
        if steps and remaining_characters < 0:
            break
        steps.append(step)
    return steps


def _find_span(trace: Trace, span_id: str) -> Span:
    matching = [span for span in trace.spans if span.span_id.startswith(span_id.lower())]
    if not span_id or len(matching) != 1:
        count_words = f"{len(matching)} spans begin" if matching else "No span begins"
        start = span_id[:40]
        raise NotFound(f"{count_words} with {start!r} in this run; give a span_id of its spans.")
    return matching[0]


def _limited_text(value: Any, limit: int) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return cut(text, limit)
