"""Move traces in time, so that bundled ones are always from just now."""

from __future__ import annotations

from collections.abc import Iterable

from clustertrace.model import Span, TraceFacts

__all__ = ["newest_ns", "shift_times"]


def newest_ns(spans: Iterable[Span]) -> int:
    """The latest moment that any of the spans knows, in nanoseconds since 1970; 0 without spans."""
    return max((max(span.start_ns, span.end_ns or 0) for span in spans), default=0)


def shift_times(
    spans: Iterable[Span], facts: TraceFacts, delta_ns: int
) -> tuple[list[Span], TraceFacts]:
    """The same trace `delta_ns` later; durations and the order of everything stay."""
    moved = [
        span._replace(start_ns=span.start_ns + delta_ns, end_ns=_later(span.end_ns, delta_ns))
        for span in spans
    ]
    return moved, facts._replace(
        start_ns=_later(facts.start_ns, delta_ns),
        end_ns=_later(facts.end_ns, delta_ns),
        metrics=tuple(
            metric._replace(time_ns=metric.time_ns + delta_ns) for metric in facts.metrics
        ),
    )


def _later(time_ns: int | None, delta_ns: int) -> int | None:
    return None if time_ns is None else time_ns + delta_ns
