"""Seven days in the user's time zone, of which a week of daylight saving has 167 or 169 hours."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from clustertrace.errors import UsageError

__all__ = [
    "Window",
    "before",
    "coming_week",
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
    """The first moment that is not in it any more."""
    zone: tzinfo | None
    """None: that of this machine."""

    @property
    def last(self) -> date:
        """The last of its days."""
        return self.first + _LENGTH - timedelta(days=1)

    @property
    def filter(self) -> str:
        """The runs that began in it, in the filter language; it says the zone too."""
        return f"since:{self._written(self.start_ns)} until:{self._written(self.end_ns)}"

    def day(self, ns: int) -> date:
        """The day that a moment is on, in the zone of these days."""
        return datetime.fromtimestamp(ns / 1e9, self.zone).date()

    def _written(self, ns: int) -> str:
        at = datetime.fromtimestamp(ns // 10**9, self.zone).astimezone(self.zone)
        return at.isoformat(timespec="minutes").removesuffix("+00:00") + "Z" * (not at.utcoffset())


def window(first: date, zone: tzinfo | None) -> Window:
    """Seven days from one on."""
    return Window(first, _midnight_ns(first, zone), _midnight_ns(first + _LENGTH, zone), zone)


def before(given: Window, weeks: int = 1) -> Window:
    """The seven days before, or those some weeks before."""
    return window(given.first - weeks * _LENGTH, given.zone)


def last_seven_days(now_ns: int, zone: tzinfo | None) -> Window:
    """Today and the six days before."""
    today = datetime.fromtimestamp(now_ns / 1e9, zone).date()
    return window(today - _LENGTH + timedelta(days=1), zone)


def week_of(day: date, starts: int) -> date:
    """The first day of the week that a day is in; `starts` is the weekday of it, 0 for Monday."""
    return day - timedelta(days=(day.weekday() - starts) % 7)


def reviewed_week(given: Window, starts: int) -> date:
    """The first day of the week that most days of a window are in."""
    return week_of(given.first + _MIDDLE, starts)


def coming_week(given: Window, starts: int) -> date:
    """The first day of the week that most of the seven days after a window are in."""
    return reviewed_week(given, starts) + _LENGTH


def week_asked_for(text: str, starts: int) -> date:
    """The first day of the week that holds a date, or of a numbered week of ISO 8601.

    Where weeks don't begin on Monday, that is the one with the same Thursday. Raises UsageError.
    """
    numbered = _ISO_WEEK.fullmatch(text.strip())
    try:
        if numbered:
            day = date.fromisocalendar(int(numbered[1]), int(numbered[2]), 4)
        else:
            day = date.fromisoformat(text.strip())
    except ValueError:
        day = date.min
    if day.year not in _YEARS:
        raise UsageError(f"{text!r} is not a week; write 2025-W47, or any day of it as 2025-11-23.")
    return week_of(day, starts)


def _midnight_ns(day: date, zone: tzinfo | None) -> int:
    """The first moment of a day.

    Where clocks skip midnight that is the moment of the change; where they go through it twice,
    the earlier one (PEP 495, `fold` 0).
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(midnight.timestamp()) * 10**9
