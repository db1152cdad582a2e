"""A draft cut where findings begin and end, so that a page can mark their words in the text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from clustertrace.prompts.findings import Finding

__all__ = ["Piece", "pieces"]


class Piece(NamedTuple):
    """A piece of the text, with the findings by their number from 1."""

    text: str
    about: tuple[int, ...]
    """Findings that it is part of."""
    ending: tuple[int, ...]
    """Findings that end with it."""


def pieces(text: str, findings: Sequence[Finding]) -> tuple[Piece, ...]:
    """The whole text in order; joined again it is the text."""
    spans = [
        (one.start, one.end, number)
        for number, one in enumerate(findings, 1)
        if one.start is not None and one.end is not None
    ]
    cuts = sorted({0, len(text), *(cut for start, end, _ in spans for cut in (start, end))})
    return tuple(
        Piece(
            text[begin:end],
            tuple(number for start, stop, number in spans if start <= begin and end <= stop),
            tuple(number for _, stop, number in spans if stop == end),
        )
        for begin, end in pairwise(cuts)
    )
