"""Weeks of the user: where they begin, and how long they are."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import UsageError
from clustertrace.filters import parse
from clustertrace.filters.tree import And, Since, Until
from clustertrace.review.week_starts import DAYS, first_weekday
from clustertrace.review.weeks import (
    before,
    coming_week,
    days_asked_for,
    last_seven_days,
    reviewed_week,
    week_asked_for,
    week_of,
    window,
)

HOUR = 3600 * 10**9
MONDAY, SATURDAY, SUNDAY = 0, 5, 6
DATES = st.dates(date(1972, 1, 1), date(2100, 1, 1))


def hours(zone: tzinfo | None, day: str, starts: int = MONDAY) -> float:
    """How long the week is that a day is in."""
    week = window(week_of(date.fromisoformat(day), starts), zone)
    return (week.end_ns - week.start_ns) / HOUR


@pytest.mark.parametrize(
    ("zone", "day", "starts", "length"),
    [
        ("UTC", "2025-03-26", MONDAY, 168),
        ("Europe/Berlin", "2025-03-26", MONDAY, 167),
        ("Europe/Berlin", "2025-10-22", MONDAY, 169),
        ("America/New_York", "2025-03-05", SUNDAY, 168),
        ("America/New_York", "2025-03-09", SUNDAY, 167),
        ("America/New_York", "2025-11-05", SUNDAY, 169),
        ("Australia/Lord_Howe", "2025-04-05", MONDAY, 168.5),
        # Clocks that change at midnight, on the day that weeks begin.
        ("America/Havana", "2025-03-08", SUNDAY, 168),
        ("America/Havana", "2025-03-09", SUNDAY, 167),
        ("America/Havana", "2025-11-01", SUNDAY, 168),
        ("America/Havana", "2025-11-02", SUNDAY, 169),
        ("America/Sao_Paulo", "2018-11-04", SUNDAY, 167),
        ("America/Sao_Paulo", "2018-02-17", SUNDAY, 169),
        ("Asia/Beirut", "2025-03-30", SUNDAY, 167),
        ("Africa/Cairo", "2025-04-25", 4, 167),
        # A Friday that was left out.
        ("Pacific/Apia", "2011-12-28", MONDAY, 144),
    ],
)
def test_a_week_is_as_long_as_clocks_make_it(
    zone: str, day: str, starts: int, length: float
) -> None:
    """A week lasts from midnight to midnight, also where the clocks change in it."""
    assert hours(ZoneInfo(zone), day, starts) == length


@given(DATES, st.sampled_from(range(7)), st.sampled_from(sorted(available_timezones())))
def test_weeks_leave_no_gap(day: date, starts: int, zone: str) -> None:
    """Each moment is in one week: the one before ends where the next begins."""
    this = window(week_of(day, starts), ZoneInfo(zone))
    assert this.first <= day <= this.last
    assert this.first.weekday() == starts
    assert before(this).end_ns == this.start_ns < this.end_ns


@given(DATES, st.sampled_from(sorted(available_timezones())))
def test_the_filter_of_a_week_says_the_same_times(day: date, zone: str) -> None:
    """Whoever reads it, in whatever zone."""
    this = window(day, ZoneInfo(zone))
    assert parse(this.filter) == And((Since(this.start_ns), Until(this.end_ns)))


def test_the_zone_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a zone the machine's own counts, daylight saving included."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/Havana")
        time.tzset()
        havana = ZoneInfo("America/Havana")
        for day in ("2025-03-09", "2025-11-02", "2025-07-06"):
            own, named = (window(date.fromisoformat(day), zone) for zone in (None, havana))
            assert own[:3] == named[:3]
            assert parse(own.filter) == parse(named.filter)
    time.tzset()


def test_the_last_seven_days_end_today() -> None:
    """Today is where the user is."""
    now = int(datetime(2025, 11, 23, 23, 30, tzinfo=UTC).timestamp()) * 10**9
    assert last_seven_days(now, UTC).last == date(2025, 11, 23)
    tokyo = last_seven_days(now, ZoneInfo("Asia/Tokyo"))
    assert (tokyo.first, tokyo.last) == (date(2025, 11, 18), date(2025, 11, 24))
    assert tokyo.start_ns <= now < tokyo.end_ns


@pytest.mark.parametrize(
    ("today", "reviewed", "coming"),
    [
        ("2025-11-24", "2025-11-17", "2025-11-24"),  # on Monday the week has just begun
        ("2025-11-26", "2025-11-17", "2025-11-24"),
        ("2025-11-27", "2025-11-24", "2025-12-01"),  # from Thursday on it is nearly over
        ("2025-11-30", "2025-11-24", "2025-12-01"),
    ],
)
def test_seven_days_belong_to_the_week_that_most_of_them_are_in(
    today: str, reviewed: str, coming: str
) -> None:
    """Any seven days are reviewed as the week that holds most of them; the coming one follows."""
    first = date.fromisoformat(today) - timedelta(days=6)
    week = window(first, UTC)
    assert reviewed_week(week, MONDAY) == date.fromisoformat(reviewed)
    assert coming_week(week, MONDAY) == date.fromisoformat(coming)


@pytest.mark.parametrize(
    ("text", "starts", "first"),
    [
        ("2025-W47", MONDAY, "2025-11-17"),
        ("2025w47", MONDAY, "2025-11-17"),
        ("2025-W47", SUNDAY, "2025-11-16"),
        ("2025-W47", SATURDAY, "2025-11-15"),
        ("2026-W53", MONDAY, "2026-12-28"),
        ("2025-11-23", MONDAY, "2025-11-17"),
        (" 2025-11-23 ", SUNDAY, "2025-11-23"),
    ],
)
def test_weeks_are_asked_for_by_number_or_by_a_day(text: str, starts: int, first: str) -> None:
    """A numbered week is the user's own week with the same Thursday."""
    assert week_asked_for(text, starts) == date.fromisoformat(first)


@pytest.mark.parametrize("text", ["", "2025-W54", "2025-W00", "W47", "soon", "2025-02-30"])
def test_what_is_no_week_is_said(text: str) -> None:
    """A text that names no week is refused with an example of one."""
    with pytest.raises(UsageError, match="2025-W47"):
        week_asked_for(text, MONDAY)


def test_any_seven_days_can_be_asked_for() -> None:
    """Seven days are named by their first and last; other lengths are refused."""
    days = days_asked_for("2025-11-18/2025-11-24", MONDAY, UTC)
    assert (str(days.first), str(days.last)) == ("2025-11-18", "2025-11-24")
    assert str(days_asked_for("2025-11-18", MONDAY, UTC).first) == "2025-11-17"
    for wrong in ("2025-11-18/2025-11-25", "2025-11-18/", "2025-W47/2025-11-24"):
        with pytest.raises(UsageError, match="not seven days"):
            days_asked_for(wrong, MONDAY, UTC)


@pytest.mark.parametrize("text", ["0001-01-01", "1970-W01", "2200-W02"])
def test_a_week_that_is_too_far_is_one(text: str) -> None:
    """It is written well; which can be reviewed is said."""
    with pytest.raises(UsageError, match="can't be reviewed; name a week from 1971 to 2199"):
        week_asked_for(text, MONDAY)


@pytest.mark.parametrize(
    ("environ", "day"),
    [
        ({}, "monday"),
        ({"LANG": "C.UTF-8"}, "monday"),
        ({"LANG": "POSIX"}, "monday"),
        ({"LANG": "en"}, "monday"),
        ({"LANG": "de_DE.UTF-8"}, "monday"),
        ({"LANG": "en_US.UTF-8"}, "sunday"),
        ({"LANG": "en-US"}, "sunday"),
        ({"LANG": "zh_Hant_TW"}, "sunday"),
        ({"LANG": "de_AT@euro"}, "monday"),
        ({"LANG": "ar_EG"}, "saturday"),
        ({"LANG": "dv_MV"}, "friday"),
        ({"LANG": "en_US.UTF-8", "LC_TIME": "en_GB.UTF-8"}, "monday"),
        ({"LC_ALL": "he_IL", "LC_TIME": "en_GB"}, "sunday"),
        ({"LC_ALL": "", "LC_TIME": "", "LANG": "ja_JP"}, "sunday"),
        ({"LANG": "no locale at all _US"}, "monday"),
    ],
)
def test_the_locale_says_when_weeks_begin(environ: dict[str, str], day: str) -> None:
    """The variable that says how times are written, before the one that says everything."""
    assert DAYS[first_weekday(environ)] == day


def test_a_setting_wins() -> None:
    """The setting for the first day of the week wins over the locale."""
    assert first_weekday({"LANG": "en_US"}, "wednesday") == 2
