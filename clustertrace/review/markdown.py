"""A review as Markdown, to paste into notes: the same sections, with links to the pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from clustertrace.review.layout import Cell, Fact, Section
from clustertrace.review.record import Review
from clustertrace.review.sections import facts, headline, sections
from clustertrace.telling.addresses import HOME

__all__ = ["review_markdown"]

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def review_markdown(review: Review) -> str:
    """The whole review; links lead to the default address of `clustertrace dashboard`."""
    return "\n\n".join(_blocks(review)) + "\n"


def _blocks(review: Review) -> Iterator[str]:
    yield f"# {_plain(headline(review))}"
    if review.total.ended:
        yield _facts(facts(review))
    for section in sections(review):
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    yield f"## {_plain(section.title)}"
    yield _plain(section.sentence)
    if section.facts:
        yield _facts(section.facts)
    if section.rows:
        table = [[_plain(title) for title in section.head], ["---"] * len(section.head)]
        table += [[_cell(cell) for cell in row] for row in section.rows]
        yield "\n".join(f"| {' | '.join(line)} |" for line in table)
    if section.note:
        yield _plain(section.note)


def _facts(all_facts: Iterable[Fact]) -> str:
    return "\n".join(f"- {_cell(fact.cell)} {_plain(fact.label)}" for fact in all_facts)


def _cell(cell: Cell) -> str:
    text = _plain(cell.text)
    return f"[{text}]({HOME}{cell.href})" if cell.href and text else text


def _plain(text: str) -> str:
    """A text on one line, with Markdown and HTML escaped."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
