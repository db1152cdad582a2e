"""One change a week: what the user planned, whether it was done, and its effect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

from clustertrace.review.aims import Aim, Comparison, Offer
from clustertrace.review.weeks import Window

__all__ = ["MARKS", "Changes", "Commitment", "Kept", "Mark", "streak"]

Mark = Literal["kept", "partial", "missed"]

MARKS: Final[tuple[Mark, ...]] = ("kept", "partial", "missed")

_WEEK: Final = timedelta(days=7)


class Kept(NamedTuple):
    """How a commitment was marked, and its figure at that time."""

    mark: Mark
    before: float | None
    """The figure in the week before."""
    after: float | None
    """The figure in the commitment's week."""
    word: str
    """The verdict: `improved`, `worse` or `no evidence`."""


class Commitment(NamedTuple):
    """A change that the user plans to make in a week."""

    week: date
    """Its first day."""
    change: str
    aim: Aim
    kept: Kept | None = None
    """None until the user marks it."""
    tested: Comparison | None = None
    """The figure as it is now; only for the reviewed week."""


class Changes(NamedTuple):
    """The changes of the reviewed week, of the coming week, and of earlier weeks."""

    now_ns: int
    reviewed: Window
    """The week that holds most of the seven days under review."""
    last: Commitment | None
    """The commitment for the reviewed week."""
    coming: Window
    planned: Commitment | None
    offers: tuple[Offer, ...]
    """The figures that a plan can aim at."""
    weeks: tuple[Commitment, ...]
    """Commitments up to the reviewed week, oldest first."""
    kept_in_a_row: int

    @property
    def too_late(self) -> bool:
        """Whether the coming week is already over, so that it can't be planned any more."""
        return self.coming.end_ns <= self.now_ns


def streak(commitments: Iterable[Commitment], until: date) -> int:
    """How many weeks in a row were kept, up to the latest marked one."""
    marks = {commitment.week: commitment.kept.mark for commitment in commitments if commitment.kept}
    week = max((week for week in marks if week <= until), default=until)
    weeks = 0
    while marks.get(week) == "kept":
        weeks, week = weeks + 1, week - _WEEK
    return weeks
