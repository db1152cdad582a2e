"""The spans of many traces without their payloads, for tables of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from clustertrace.model import INTERNAL, MODEL_KINDS, Span
from clustertrace.patterns.signature import in_order
from clustertrace.store.answers import TraceRow
from clustertrace.store.connection import Connection
from clustertrace.store.slim_spans import slim_spans
from clustertrace.store.writing.shared_calls import calls_elsewhere
from clustertrace.understanding.calls import repeats

__all__ = ["Step", "steps"]

_SPANS_A_QUERY: Final = 5_000
_TRACES_A_QUERY: Final = 200


class Step(NamedTuple):
    """A span of a trace."""

    span: Span
    """Without payload."""
    counted: bool
    """A model call that counts, in every total: not one that repeats another's report."""
    internal: bool
    """An instrumentation's inner life, no step of the run."""


def steps(conn: Connection, traces: Sequence[TraceRow]) -> Iterator[list[Step]]:
    """The spans of these traces in their order, a trace's by time, some thousand at a time."""
    chunk: list[TraceRow] = []
    for trace in traces:
        chunk.append(trace)
        is_full = sum(row.span_count for row in chunk) >= _SPANS_A_QUERY
        if is_full or len(chunk) == _TRACES_A_QUERY:
            yield _steps_of_traces(conn, chunk)
            chunk = []
    if chunk:
        yield _steps_of_traces(conn, chunk)


def _steps_of_traces(conn: Connection, traces: Sequence[TraceRow]) -> list[Step]:
    keys = [bytes.fromhex(trace.trace_id) for trace in traces]
    spans = slim_spans(conn, keys)
    elsewhere = calls_elsewhere(conn, spans)
    steps = []
    for key in keys:
        trace_spans = in_order(spans[key])
        repeated = repeats(trace_spans, elsewhere.get(key, ()))
        steps += [
            Step(
                span,
                span.kind in MODEL_KINDS and span.span_id not in repeated,
                INTERNAL in span.attributes,
            )
            for span in trace_spans
        ]
    return steps
