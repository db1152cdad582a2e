"""The steps of a run without the inner life of its instrumentation.

Codex reports hundreds of its own functions, Claude Code the phases of every tool call. They are
marked (clustertrace.model.INTERNAL), kept and searchable; patterns and trees leave them out.
"""

from __future__ import annotations

from collections.abc import Sequence

from clustertrace.model import INTERNAL, Span

__all__ = ["internal", "visible"]


def internal(span: Span) -> bool:
    """Whether a span is an instrumentation's inner life."""
    return INTERNAL in span.attributes


def visible(spans: Sequence[Span], root: Span) -> Sequence[Span]:
    """The root and the spans that are no inner life, each below the next visible one above it.

    The order stays. Where nothing is folded, the same spans come back.
    """
    hidden = {span.span_id: span for span in spans if span is not root and internal(span)}
    if not hidden:
        return spans
    shown = []
    for span in spans:
        if span.span_id in hidden:
            continue
        parent, seen = span.parent_span_id, set[str]()
        while parent in hidden and parent not in seen:
            seen.add(parent)
            parent = hidden[parent].parent_span_id
        shown.append(
            span if parent == span.parent_span_id else span._replace(parent_span_id=parent)
        )
    return shown
