"""Weeks in the user's time zone; one with a clock change has 167 or 169 hours."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from clustertrace.errors import UsageError

__all__ = [
    "Window",
    "before",
    "coming_week",
    "days_asked_for",
    "last_seven_days",
    "reviewed_week",
    "week_asked_for",
    "week_of",
    "window",
]

_LENGTH: Final = timedelta(days=7)
_MIDDLE: Final = timedelta(days=3)
_ISO_WEEK: Final = re.compile(r"(\d{4})-?W(\d{2})", re.ASCII | re.IGNORECASE)
_YEARS: Final = range(1971, 2200)


class Window(NamedTuple):
    """Seven days, from midnight to midnight where the user is."""

    first: date
    start_ns: int
    end_ns: int
    """The first moment after it."""
    zone: tzinfo | None
    """None for the zone of this machine."""

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + _LENGTH - timedelta(days=1)

    @property
    def filter(self) -> str:
        """The filter for the runs that began in it, with the zone."""
        return f"since:{self._written(self.start_ns)} until:{self._written(self.end_ns)}"

    def day(self, ns: int) -> date:
        """The date of a moment, in the window's zone."""
        return datetime.fromtimestamp(ns / 1e9, self.zone).date()

    def _written(self, ns: int) -> str:
        at = datetime.fromtimestamp(ns // 10**9, self.zone).astimezone(self.zone)
        return at.isoformat(timespec="minutes").removesuffix("+00:00") + "Z" * (not at.utcoffset())


def window(first: date, zone: tzinfo | None) -> Window:
    """The seven days that start on `first`."""
    return Window(first, _midnight_ns(first, zone), _midnight_ns(first + _LENGTH, zone), zone)


def before(given: Window, weeks: int = 1) -> Window:
    """The window so many weeks before."""
    return window(given.first - weeks * _LENGTH, given.zone)


def last_seven_days(now_ns: int, zone: tzinfo | None) -> Window:
    """Today and the six days before."""
    today = datetime.fromtimestamp(now_ns / 1e9, zone).date()
    return window(today - _LENGTH + timedelta(days=1), zone)


def week_of(day: date, starts: int) -> date:
    """The first day of the week that holds `day`; weeks begin on `starts`, 0 for Monday."""
    return day - timedelta(days=(day.weekday() - starts) % 7)


def reviewed_week(given: Window, starts: int) -> date:
    """The first day of the week that holds most days of the window."""
    return week_of(given.first + _MIDDLE, starts)


def coming_week(given: Window, starts: int) -> date:
    """The first day of the week that holds most of the seven days after the window."""
    return reviewed_week(given, starts) + _LENGTH


def days_asked_for(text: str, starts: int, zone: tzinfo | None) -> Window:
    """The week that is asked for, or any seven days, as their first and last: `A/B`.

    Raises UsageError.
    """
    first, slash, last = text.partition("/")
    week = week_asked_for(first, starts)
    if not slash:
        return window(week, zone)
    try:
        days = window(date.fromisoformat(first.strip()), zone)
    except ValueError:
        days = None
    if days is None or last.strip() != str(days.last):
        raise UsageError(f"{text!r} are not seven days; write 2025-11-18/2025-11-24.")
    return days


def week_asked_for(text: str, starts: int) -> date:
    """The first day of the week that holds a date, or of an ISO 8601 week number.

    If weeks don't begin on Monday, a number means the week with the same Thursday. Raises
    UsageError.
    """
    numbered = _ISO_WEEK.fullmatch(text.strip())
    try:
        if numbered:
            day = date.fromisocalendar(int(numbered[1]), int(numbered[2]), 4)
        else:
            day = date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{text!r} is not a week; write 2025-W47, or any day of it as 2025-11-23."
        ) from None
    if day.year not in _YEARS:
        raise UsageError(f"{text} can't be reviewed; name a week from {_YEARS[0]} to {_YEARS[-1]}.")
    return week_of(day, starts)


def _midnight_ns(day: date, zone: tzinfo | None) -> int:
    """The first moment of a day.

    If clocks skip midnight, this is the moment of the change; if midnight occurs twice, the earlier
    one (PEP 495, `fold` 0).
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(midnight.timestamp()) * 10**9
