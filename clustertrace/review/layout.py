"""The layout of a review: sections of sentences, numbers with links, rows and pictures."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from clustertrace.review.weeks import Window

__all__ = ["Cell", "Column", "Fact", "Marked", "Section", "date_words", "dates"]


class Cell(NamedTuple):
    """A number or some words, and where they link to."""

    text: str
    href: str = ""


class Fact(NamedTuple):
    """A number and what it counts."""

    cell: Cell
    label: str


class Column(NamedTuple):
    """A time span in a chart of runs."""

    runs: int
    failed: int
    title: str
    """The tooltip."""


class Marked(NamedTuple):
    """A week in the row of marks."""

    mark: str
    """`kept`, `partial`, `missed`; `open` where it is not marked, `none` without a plan."""
    title: str
    href: str


class Section(NamedTuple):
    """A question, its answer, and the evidence."""

    title: str
    sentence: str
    facts: tuple[Fact, ...] = ()
    columns: tuple[Column, ...] = ()
    """A chart, for output that can show one; likewise the marks."""
    marks: tuple[Marked, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    note: str = ""


def dates(window: Window) -> str:
    """17–23 November 2025"""
    first, last = window.first, window.last
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{date_words(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%B} – {date_words(last)}"
    return f"{date_words(first)} – {date_words(last)}"


def date_words(day: date) -> str:
    """17 November 2025"""
    return f"{day.day} {day:%B %Y}"
