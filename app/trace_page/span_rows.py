"""A trace as rows of a tree, folded if it is too long to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from clustertrace.model import Span
from clustertrace.understanding.tree import rows_of

__all__ = ["SpanRow", "broken", "span_rows"]

_GUIDE: Final = 3
"""Characters of a tree's guide per level."""


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A row: one span, or several equal siblings in succession with everything below them."""

    spans: tuple[Span, ...]
    depth: int

    @property
    def span(self) -> Span:
        """The first of its spans."""
        return self.spans[0]

    @property
    def start_ns(self) -> int:
        return min(span.start_ns for span in self.spans)

    @property
    def end_ns(self) -> int | None:
        """None if one of the spans has not ended."""
        ends = [span.end_ns for span in self.spans]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def cost_usd(self) -> float | None:
        known = [span.cost_usd for span in self.spans if span.cost_usd is not None]
        return sum(known) if known else None

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Tokens read and written; None if neither is known."""
        counts = [(span.input_tokens, span.output_tokens) for span in self.spans]
        if all(read is None and written is None for read, written in counts):
            return None
        return sum(read or 0 for read, _ in counts), sum(written or 0 for _, written in counts)


def span_rows(spans: Sequence[Span], limit: int, span_id: str = "") -> tuple[list[SpanRow], int]:
    """Rows in the order of the tree, and how many were left out to stay within `limit`.

    Only a trace with more spans than `limit` is folded. Never left out are the span `span_id`, or
    without one the span where the trace broke, and failed spans with their ancestors, up to half of
    the rows.
    """
    tree = [(row.span, len(row.guide) // _GUIDE) for row in rows_of(spans)]
    if len(tree) <= limit:
        return [SpanRow((span,), depth) for span, depth in tree], 0
    rows = _folded_rows(tree, _unfolded_places(tree, span_id))
    if len(rows) <= limit:
        return rows, 0
    kept_places = _kept_places(rows, limit, span_id or getattr(broken(spans), "span_id", ""))
    return [rows[place] for place in sorted(kept_places)], len(rows) - len(kept_places)


def _kept_places(rows: Sequence[SpanRow], limit: int, span_id: str) -> set[int]:
    parents = _parent_places([row.depth for row in rows])
    wanted_places = [
        at for at, row in enumerate(rows) if any(span.span_id == span_id for span in row.spans)
    ]
    failed = [at for at, row in enumerate(rows) if row.span.status == "error"]
    kept_places: set[int] = set()
    for place in (*wanted_places, *failed):
        at: int | None = place
        # With its ancestors, or it would seem to belong to whatever row is drawn before it.
        while at is not None and at not in kept_places and len(kept_places) < max(1, limit // 2):
            kept_places.add(at)
            at = parents[at]
    others = (at for at in range(len(rows)) if at not in kept_places)
    return kept_places | set(islice(others, limit - len(kept_places)))


def _parent_places(depths: Sequence[int]) -> list[int | None]:
    """For each place, the place of the parent."""
    parents: list[int | None] = []
    open_ancestors: list[int] = []
    for place, depth in enumerate(depths):
        while open_ancestors and depths[open_ancestors[-1]] >= depth:
            open_ancestors.pop()
        parents.append(open_ancestors[-1] if open_ancestors else None)
        open_ancestors.append(place)
    return parents


def _unfolded_places(tree: Sequence[tuple[Span, int]], span_id: str) -> set[int]:
    """Places that must not be folded, because that would hide a failed span, or `span_id`."""
    parents = _parent_places([depth for _, depth in tree])
    unfolded: set[int] = set()
    for place, (span, _) in enumerate(tree):
        if span.status != "error" and span.span_id != span_id:
            continue
        parent = parents[place]
        while parent is not None and parent not in unfolded:
            unfolded.add(parent)
            parent = parents[parent]
        if span.span_id == span_id:
            unfolded.add(place)
    return unfolded


def _folded_rows(tree: Sequence[tuple[Span, int]], unfolded: set[int]) -> list[SpanRow]:
    ends = _subtree_ends(tree)
    rows: list[SpanRow] = []
    place = 0
    while place < len(tree):
        span, depth = tree[place]
        members, next_place = [span], ends[place]
        while (
            next_place < len(tree)
            and tree[next_place][1] == depth
            and _are_equal(tree[next_place][0], span)
            and unfolded.isdisjoint((place, next_place))
        ):
            members.append(tree[next_place][0])
            next_place = ends[next_place]
        rows.append(SpanRow(tuple(members), depth))
        place = next_place if len(members) > 1 else place + 1
    return rows


def _subtree_ends(tree: Sequence[tuple[Span, int]]) -> list[int]:
    """For each place, the first place after its subtree."""
    ends = [len(tree)] * len(tree)
    open_places: list[int] = []
    for place, (_, depth) in enumerate(tree):
        while open_places and tree[open_places[-1]][1] >= depth:
            ends[open_places.pop()] = place
        open_places.append(place)
    return ends


def _are_equal(first: Span, second: Span) -> bool:
    return (first.name, first.kind, first.status) == (second.name, second.kind, second.status)


def broken(spans: Sequence[Span]) -> Span | None:
    """Where a trace broke: the first failed span without failed children."""
    failed = [span for span in spans if span.status == "error"]
    above = {span.parent_span_id for span in failed}
    return next((span for span in failed if span.span_id not in above), None)
