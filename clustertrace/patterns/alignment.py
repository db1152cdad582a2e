"""Two runs, or two patterns, side by side: which steps are the same, and where they part.

Steps are aligned with the fewest insertions, deletions and changes (Levenshtein's distance, by
rapidfuzz). Two steps stand in one row if their names, and whether they failed, are the same; if
they also repeat as often, they are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Levenshtein

from clustertrace.model import Span
from clustertrace.patterns.signature import Variant, label_of, steps_of
from clustertrace.telling.words import times

__all__ = ["Pair", "Place", "align", "places_of_spans", "places_of_variant"]


@dataclass(frozen=True, slots=True)
class Place:
    """A step on one of the two sides."""

    name: str
    """With a `!` if it failed."""
    span: Span | None = None
    """The span behind it, where the side is a run."""
    count: str = "1"
    """How often it repeats, as a pattern says it."""

    @property
    def label(self) -> str:
        """The name, and the count if it repeats."""
        return f"{self.name} {times(self.count)}".rstrip()


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of an alignment."""

    what: Literal["same", "changed", "inserted", "deleted"]
    """From the left side to the right."""
    left: Place | None
    right: Place | None
    first_divergence: bool = False
    """Whether the two sides part here."""

    @property
    def input_differs(self) -> bool:
        """Whether the same step was given something else."""
        return self._differs("input")

    @property
    def output_differs(self) -> bool:
        """Whether the same step answered something else."""
        return self._differs("output")

    @property
    def notes(self) -> list[str]:
        """What to say of the row beside its two steps."""
        notes = ["they part here"] * self.first_divergence
        return notes + ["other input"] * self.input_differs + ["other output"] * self.output_differs

    def _differs(self, field: str) -> bool:
        if self.left is None or self.right is None:
            return False
        one, other = self.left.span, self.right.span
        if one is None or other is None:
            return False
        return bool(getattr(one, field) != getattr(other, field))


def places_of_spans(spans: Sequence[Span]) -> tuple[Place, ...]:
    """The steps of a run, in order."""
    return tuple(Place(label_of(span), span) for span in steps_of(spans))


def places_of_variant(variant: Variant) -> tuple[Place, ...]:
    """The elements of a pattern, in order."""
    return tuple(Place(" ".join(step.labels), count=step.count) for step in variant.steps)


def align(left: Sequence[Place], right: Sequence[Place]) -> tuple[Pair, ...]:
    """The two sides row by row, the first row that is not the same marked."""
    one, other = [place.name for place in left], [place.name for place in right]
    rows: list[Pair] = []
    for step in Levenshtein.opcodes(one, other):
        left_places = left[step.src_start : step.src_end]
        right_places = right[step.dest_start : step.dest_end]
        if step.tag == "delete":
            rows += (Pair("deleted", place, None) for place in left_places)
        elif step.tag == "insert":
            rows += (Pair("inserted", None, place) for place in right_places)
        elif step.tag == "equal":
            rows += (
                Pair("same" if place.count == other.count else "changed", place, other)
                for place, other in zip(left_places, right_places, strict=True)
            )
        else:
            rows += (Pair("changed", *pair) for pair in zip(left_places, right_places, strict=True))
    for index, row in enumerate(rows):
        if row.what != "same":
            rows[index] = Pair(row.what, row.left, row.right, first_divergence=True)
            break
    return tuple(rows)
