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
    rows = _folded(tree, _apart(tree, wanted))
    if len(rows) <= limit:
        return rows, 0
    kept = _kept(rows, limit, wanted or getattr(broken(spans), "span_id", ""))
    return [rows[at] for at in sorted(kept)], len(rows) - len(kept)


def _kept(rows: Sequence[SpanRow], limit: int, first: str) -> set[int]:
    above = _above([row.depth for row in rows])
    asked = [at for at, row in enumerate(rows) if any(span.span_id == first for span in row.spans)]
    failed = [at for at, row in enumerate(rows) if row.span.status == "error"]
    kept: set[int] = set()
    for place in (*asked, *failed):
        at: int | None = place
        # With what is above it, or it would seem to lie below whatever row is drawn before it.
        while at is not None and at not in kept and len(kept) < max(1, limit // 2):
            kept.add(at)
            at = above[at]
    rest = (at for at in range(len(rows)) if at not in kept)
    return kept | set(islice(rest, limit - len(kept)))


def _above(depths: Sequence[int]) -> list[int | None]:
    """For each place that of the parent."""
    above: list[int | None] = []
    open_: list[int] = []
    for at, depth in enumerate(depths):
        while open_ and depths[open_[-1]] >= depth:
            open_.pop()
        above.append(open_[-1] if open_ else None)
        open_.append(at)
    return above


def _apart(tree: Sequence[tuple[Span, int]], wanted: str) -> set[int]:
    """Places that are not folded, since that would hide a failed span below, or the wanted one."""
    above = _above([depth for _, depth in tree])
    apart: set[int] = set()
    for place, (span, _) in enumerate(tree):
        if span.status != "error" and span.span_id != wanted:
            continue
        at = above[place]
        while at is not None and at not in apart:
            apart.add(at)
            at = above[at]
        if span.span_id == wanted:
            apart.add(place)
    return apart


def _folded(tree: Sequence[tuple[Span, int]], apart: set[int]) -> list[SpanRow]:
    ends = _subtree_ends(tree)
    rows: list[SpanRow] = []
    at = 0
    while at < len(tree):
        span, depth = tree[at]
        members, after = [span], ends[at]
        while (
            after < len(tree)
            and tree[after][1] == depth
            and _alike(tree[after][0], span)
            and apart.isdisjoint((at, after))
        ):
            members.append(tree[after][0])
            after = ends[after]
        rows.append(SpanRow(tuple(members), depth))
        at = after if len(members) > 1 else at + 1
    return rows


def _subtree_ends(tree: Sequence[tuple[Span, int]]) -> list[int]:
    """For each place the first place behind all that lies below it."""
    ends = [len(tree)] * len(tree)
    open_: list[int] = []
    for at, (_, depth) in enumerate(tree):
        while open_ and tree[open_[-1]][1] >= depth:
            ends[open_.pop()] = at
        open_.append(at)
    return ends


def _alike(one: Span, other: Span) -> bool:
    return (one.name, one.kind, one.status) == (other.name, other.kind, other.status)


def broken(spans: Sequence[Span]) -> Span | None:
    """Where a trace broke: the first failed span below which nothing failed."""
    failed = [span for span in spans if span.status == "error"]
    above = {span.parent_span_id for span in failed}
    return next((span for span in failed if span.span_id not in above), None)
