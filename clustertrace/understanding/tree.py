"""The spans of a trace as a tree: what lies above one, and all of them as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from clustertrace.model import Span

__all__ = ["Row", "ancestors", "rows_of"]


class Row(NamedTuple):
    """A span and the lines that lead to it."""

    span: Span
    guide: str
    """`│  ├─ `: empty for a root."""


def ancestors(span: Span, by_id: Mapping[str, Span]) -> Iterator[Span]:
    """The spans above one, the nearest first; each once, even where they are in a circle."""
    seen = {span.span_id}
    above = by_id.get(span.parent_span_id or "")
    while above is not None and above.span_id not in seen:
        yield above
        seen.add(above.span_id)
        above = by_id.get(above.parent_span_id or "")


def rows_of(spans: Sequence[Span]) -> list[Row]:
    """Every span exactly once, whatever its parents say: parents before children, by start.

    A span whose parent is missing is a root. Spans that are each other's parents are reached
    from no root; the first of them stands as one.
    """
    known = {span.span_id for span in spans}
    children: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in spans:
        children[span.parent_span_id if span.parent_span_id in known else None].append(span)
    rows: list[Row] = []
    seen: set[str] = set()
    for start in (*children[None], *spans):
        # A stack rather than recursion: agents that call themselves go deep.
        stack = [(start, "", "")]
        while stack:
            span, guide, below = stack.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            rows.append(Row(span, guide))
            family = [child for child in children[span.span_id] if child.span_id not in seen]
            for place, child in enumerate(reversed(family)):
                branch, further = ("└─ ", "   ") if place == 0 else ("├─ ", "│  ")
                stack.append((child, below + branch, below + further))
    return rows
