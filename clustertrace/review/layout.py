"""What a review is laid out as: sections of sentences, numbers with addresses, rows, pictures."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from clustertrace.review.weeks import Window

__all__ = ["Cell", "Column", "Fact", "Marked", "Section", "date_words", "dates"]


class Cell(NamedTuple):
    """A number or some words, and where they lead to."""

    text: str
    href: str = ""


class Fact(NamedTuple):
    """A number and what it counts."""

    cell: Cell
    label: str


class Column(NamedTuple):
    """A stretch of time in a picture of runs."""

    runs: int
    failed: int
    title: str
    """What it says on hovering."""


class Marked(NamedTuple):
    """A week of a picture of plans."""

    mark: str
    """`kept`, `partial`, `missed`; `open` where it is not marked, `none` without a plan."""
    title: str
    href: str


class Section(NamedTuple):
    """A question, its answer, and what the answer rests on."""

    title: str
    sentence: str
    facts: tuple[Fact, ...] = ()
    columns: tuple[Column, ...] = ()
    """A picture, for who can draw one; so are the marks."""
    marks: tuple[Marked, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    note: str = ""


def dates(given: Window) -> str:
    """17–23 November 2025"""
    first, last = given.first, given.last
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{date_words(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%B} – {date_words(last)}"
    return f"{date_words(first)} – {date_words(last)}"


def date_words(day: date) -> str:
    """17 November 2025"""
    return f"{day.day} {day:%B %Y}"
