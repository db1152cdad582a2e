"""A trace as rows of a tree, folded where it is too long to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from clustertrace.model import Span
from clustertrace.understanding.tree import rows_of

__all__ = ["SpanRow", "broken", "span_rows"]

_GUIDE: Final = 3
"""Characters of a tree's guide a level."""


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One line: a span, or equal siblings that follow each other, with all below them."""

    spans: tuple[Span, ...]
    depth: int

    @property
    def span(self) -> Span:
        """The first of them."""
        return self.spans[0]

    @property
    def start_ns(self) -> int:
        return min(span.start_ns for span in self.spans)

    @property
    def end_ns(self) -> int | None:
        """None if one of them has not ended."""
        ends = [span.end_ns for span in self.spans]
        return None if None in ends else max(end for end in ends if end is not None)

    @property
    def cost_usd(self) -> float | None:
        known = [span.cost_usd for span in self.spans if span.cost_usd is not None]
        return sum(known) if known else None

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Read and written; None if neither is known."""
        counts = [(span.input_tokens, span.output_tokens) for span in self.spans]
        if all(read is None and written is None for read, written in counts):
            return None
        return sum(read or 0 for read, _ in counts), sum(written or 0 for _, written in counts)


def span_rows(spans: Sequence[Span], limit: int, wanted: str = "") -> tuple[list[SpanRow], int]:
    """Rows in the order of the tree, and how many are left out to keep to `limit`.

    Only a trace with more spans than `limit` is folded. The span with the id `wanted`, else the one
    where the trace broke, has a row whatever is left out; so have failed ones, up to half of the
    rows, and what these lie below.
    """
    tree = [(row.span, len(row.guide) // _GUIDE) for row in rows_of(spans)]
    if len(tree) <= limit:
        return [SpanRow((span,), depth) for span, depth in tree], 0
    rows = _folded_rows(tree, _unfolded_places(tree, wanted))
    if len(rows) <= limit:
        return rows, 0
    kept_places = _kept_places(rows, limit, wanted or getattr(broken(spans), "span_id", ""))
    return [rows[at] for at in sorted(kept_places)], len(rows) - len(kept_places)


def _kept_places(rows: Sequence[SpanRow], limit: int, first: str) -> set[int]:
    parents = _parent_places([row.depth for row in rows])
    wanted_places = [
        at for at, row in enumerate(rows) if any(span.span_id == first for span in row.spans)
    ]
    failed = [at for at, row in enumerate(rows) if row.span.status == "error"]
    kept_places: set[int] = set()
    for place in (*wanted_places, *failed):
        at: int | None = place
        # With what is above it, or it would seem to lie below whatever row is drawn before it.
        while at is not None and at not in kept_places and len(kept_places) < max(1, limit // 2):
            kept_places.add(at)
            at = parents[at]
    others = (at for at in range(len(rows)) if at not in kept_places)
    return kept_places | set(islice(others, limit - len(kept_places)))


def _parent_places(depths: Sequence[int]) -> list[int | None]:
    """For each place that of the parent."""
    parents: list[int | None] = []
    open_ancestors: list[int] = []
    for place, depth in enumerate(depths):
        while open_ancestors and depths[open_ancestors[-1]] >= depth:
            open_ancestors.pop()
        parents.append(open_ancestors[-1] if open_ancestors else None)
        open_ancestors.append(place)
    return parents


def _unfolded_places(tree: Sequence[tuple[Span, int]], wanted: str) -> set[int]:
    """Places that are not folded, since that would hide a failed span below, or the wanted one."""
    parents = _parent_places([depth for _, depth in tree])
    unfolded: set[int] = set()
    for place, (span, _) in enumerate(tree):
        if span.status != "error" and span.span_id != wanted:
            continue
        parent = parents[place]
        while parent is not None and parent not in unfolded:
            unfolded.add(parent)
            parent = parents[parent]
        if span.span_id == wanted:
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
    """For each place the first place behind all that lies below it."""
    ends = [len(tree)] * len(tree)
    open_places: list[int] = []
    for place, (_, depth) in enumerate(tree):
        while open_places and tree[open_places[-1]][1] >= depth:
            ends[open_places.pop()] = place
        open_places.append(place)
    return ends


def _are_equal(one: Span, other: Span) -> bool:
    return (one.name, one.kind, one.status) == (other.name, other.kind, other.status)


def broken(spans: Sequence[Span]) -> Span | None:
    """Where a trace broke: the first failed span below which nothing failed."""
    failed = [span for span in spans if span.status == "error"]
    above = {span.parent_span_id for span in failed}
    return next((span for span in failed if span.span_id not in above), None)
