"""Split a draft where findings start and end, so that a page can mark their words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from clustertrace.prompts.findings import Finding

__all__ = ["Piece", "pieces"]


class Piece(NamedTuple):
    """A piece of the text, with the findings about it, numbered from 1."""

    text: str
    about: tuple[int, ...]
    """Findings that cover it."""
    ending: tuple[int, ...]
    """Findings that end where it ends."""


def pieces(text: str, findings: Sequence[Finding]) -> tuple[Piece, ...]:
    """The pieces of the text in order, which joined give the text."""
    spans = [
        (finding.start, finding.end, number)
        for number, finding in enumerate(findings, 1)
        if finding.start is not None and finding.end is not None
    ]
    cuts = sorted(
        {0, len(text), *(cut for start, piece_end, _ in spans for cut in (start, piece_end))}
    )
    return tuple(
        Piece(
            text[piece_start:piece_end],
            tuple(
                number
                for start, stop, number in spans
                if start <= piece_start and piece_end <= stop
            ),
            tuple(number for _, stop, number in spans if stop == piece_end),
        )
        for piece_start, piece_end in pairwise(cuts)
    )
