"""Which traces hold calls that are near enough to those of another to be compared with them.

A thousand programs may ask the same at once, each of their calls a trace by itself that two
instrumentations report. Compared with all of the others, such a trace would take as long as they
are many, so that only those count whose calls say the same and begin nearest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from clustertrace.model import MODEL_KINDS, Span
from clustertrace.understanding.reports import order, reporter
from clustertrace.understanding.same_calls import (
    TOGETHER_NS,
    distinctive_keys,
    group_by_key,
    nearest_to,
)

__all__ = ["Nearby", "may_be_reported_elsewhere"]


def may_be_reported_elsewhere(span: Span) -> bool:
    """Whether another trace may report a span as well."""
    failed = span.input_tokens is None and span.status == "error"
    return span.kind in MODEL_KINDS and bool(span.input_tokens or failed)


class Nearby:
    """Calls of some traces, to be looked up by what they say and by when they begin."""

    def __init__(self, spans: Iterable[Span]) -> None:
        calls = sorted(filter(may_be_reported_elsewhere, spans), key=order)
        self._shared = group_by_key(calls, _lookup_keys)

    def traces(self, own: Iterable[Span]) -> set[str]:
        """The ids of the traces that hold a call which one of these spans of a trace may report.

        Of each reporter, the calls that begin nearest, at most TOGETHER_NS away.
        """
        return {
            near.trace_id
            for span in filter(may_be_reported_elsewhere, own)
            for key in _lookup_keys(span)
            for name, others in self._shared.get(key, {}).items()
            if name != reporter(span)
            for near in nearest_to(span, others)
            if near.trace_id != span.trace_id and abs(near.start_ns - span.start_ns) <= TOGETHER_NS
        }


def _lookup_keys(span: Span) -> Iterator[Any]:
    yield from distinctive_keys(span)
    yield "tokens", span.kind, span.input_tokens
