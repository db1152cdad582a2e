"""Spans and recorded lines → whole traces, without a database, for tests of traced code.

The same spans lead to the same traces as through the store; a test compares the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from clustertrace.model import Span, Trace, TraceFacts
from clustertrace.patterns.signature import in_order
from clustertrace.pricing import price_span
from clustertrace.summary import summarise
from clustertrace.wire import parse_lines

__all__ = ["assembled", "finished_traces"]


def finished_traces(segments: Iterable[bytes]) -> Iterator[Trace]:
    """The traces in these spool segments whose root has ended, in the order of their start."""
    spans: dict[str, dict[str, Span]] = defaultdict(dict)
    facts: dict[str, list[TraceFacts]] = defaultdict(list)
    for segment in segments:
        batch = parse_lines(segment.splitlines()).batch
        for span in batch.spans:
            known = spans[span.trace_id].get(span.span_id)
            if known is None or span.status != "running":
                spans[span.trace_id][span.span_id] = price_span(span)
        for fact in batch.facts:
            facts[fact.trace_id].append(fact)
    made = [assembled(list(spans[key].values()), _joined(key, facts[key])) for key in spans]
    for trace in sorted(made, key=lambda trace: (trace.start_ns, trace.trace_id)):
        if trace.status in ("ok", "error"):
            yield trace


def _joined(trace_id: str, facts: Sequence[TraceFacts]) -> TraceFacts:
    """One record of what was said about a trace: the last word on each thing counts."""
    joined = TraceFacts(trace_id)
    for fact in facts:
        joined = joined._replace(
            name=fact.name or joined.name,
            session_id=fact.session_id or joined.session_id,
            outcome=fact.outcome or joined.outcome,
            outcome_reason=fact.outcome_reason or joined.outcome_reason,
            tags={**joined.tags, **fact.tags},
            metrics=(*joined.metrics, *fact.metrics),
        )
    return joined


def assembled(spans: list[Span], facts: TraceFacts) -> Trace:
    """The trace of these spans, and of what was said about it."""
    summary = summarise(spans, facts)
    order = sorted(
        set(facts.metrics), key=lambda one: (one.time_ns, one.name, one.span_id or "", one.value)
    )
    return Trace(
        facts.trace_id,
        summary.name,
        summary.status,
        facts.outcome,
        facts.outcome_reason,
        summary.start_ns,
        summary.end_ns,
        facts.session_id,
        dict(sorted(facts.tags.items())),
        tuple(order),
        tuple(in_order(spans)),
    )
