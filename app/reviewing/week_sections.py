"""The sections of a review (clustertrace.review.sections) on a page."""

from __future__ import annotations

from typing import Final

from clustertrace.app import markup
from clustertrace.review.layout import Cell, Fact, Section

__all__ = ["fact", "section"]

_UNBROKEN: Final = 20
"""Words up to this many characters are not broken."""


def section(content: Section) -> markup.Markup:
    """A section: a question, its answer, its chart and its table."""
    parts: list[object] = [markup.subheading(content.title), markup.tag("p", content.sentence)]
    if content.facts:
        parts.append(markup.facts(*map(fact, content.facts)))
    if content.columns:
        parts.append(markup.sparkline(content.columns, tall=True))
    if content.marks:
        parts.append(markup.marks(content.marks))
    if content.rows:
        rows = [[_cell(cell) for cell in row] for row in content.rows]
        parts.append(markup.rows(rows, content.head))
    if content.note:
        parts.append(markup.muted(content.note))
    return markup.page(*parts)


def fact(content: Fact) -> markup.Markup:
    """A fact of the review."""
    return markup.fact(content.cell.text, content.label, href=content.cell.href)


def _cell(cell: Cell) -> object:
    """A cell; its words are not broken on a narrow screen unless they are too long for it."""
    breaks = any(len(word) > _UNBROKEN for word in cell.text.split())
    text = cell.text if breaks else markup.tag("span", cell.text, cls="ct-whole")
    return markup.link(text, cell.href) if cell.href else text
