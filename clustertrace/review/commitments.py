"""One change a week: what the user meant to do, whether it was done, and what came of it."""

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
    """How a commitment was marked, and its figure as it was then."""

    mark: Mark
    before: float | None
    """In the week before."""
    after: float | None
    """In its week."""
    word: str
    """`improved`, `worse` or `no evidence`."""


class Commitment(NamedTuple):
    """A change that the user means to make in a week."""

    week: date
    """Its first day."""
    change: str
    aim: Aim
    kept: Kept | None = None
    """None until it is marked."""
    tested: Comparison | None = None
    """The figure as it is now; only of the week that is looked back on."""


class Changes(NamedTuple):
    """The change of the week that is looked back on, that of the next, and those before."""

    now_ns: int
    reviewed: Window
    """The week that most of the days are in which are looked back on."""
    last: Commitment | None
    """What was planned for it."""
    coming: Window
    planned: Commitment | None
    offers: tuple[Offer, ...]
    """What a plan may aim at."""
    weeks: tuple[Commitment, ...]
    """Up to the week that is looked back on, oldest first."""
    kept_in_a_row: int

    @property
    def too_late(self) -> bool:
        """Whether the coming week is over, so that nothing can be planned for it any more."""
        return self.coming.end_ns <= self.now_ns


def streak(commitments: Iterable[Commitment], until: date) -> int:
    """How many weeks in a row were kept, up to one that has been marked."""
    marks = {one.week: one.kept.mark for one in commitments if one.kept}
    week = max((week for week in marks if week <= until), default=until)
    weeks = 0
    while marks.get(week) == "kept":
        weeks, week = weeks + 1, week - _WEEK
    return weeks
