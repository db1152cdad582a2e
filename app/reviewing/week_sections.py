"""The sections of a review (clustertrace.review.sections) on a page."""

from __future__ import annotations

from typing import Final

from clustertrace.app import markup
from clustertrace.review.layout import Cell, Fact, Section

__all__ = ["fact", "section"]

_WHOLE: Final = 20
"""Characters of the longest word that isn't broken."""


def section(given: Section) -> markup.Markup:
    """A question, its answer, its picture and its table."""
    parts: list[object] = [markup.subheading(given.title), markup.tag("p", given.sentence)]
    if given.facts:
        parts.append(markup.facts(*map(fact, given.facts)))
    if given.columns:
        parts.append(markup.sparkline(given.columns, tall=True))
    if given.marks:
        parts.append(markup.marks(given.marks))
    if given.rows:
        rows = [[_cell(cell) for cell in row] for row in given.rows]
        parts.append(markup.rows(rows, given.head))
    if given.note:
        parts.append(markup.muted(given.note))
    return markup.page(*parts)


def fact(given: Fact) -> markup.Markup:
    """A number of the whole week."""
    return markup.fact(given.cell.text, given.label, href=given.cell.href)


def _cell(cell: Cell) -> object:
    """Words and numbers stay whole on a narrow screen, but for those that would burst it."""
    breaks = any(len(word) > _WHOLE for word in cell.text.split())
    text = cell.text if breaks else markup.tag("span", cell.text, cls="ct-whole")
    return markup.link(text, cell.href) if cell.href else text
