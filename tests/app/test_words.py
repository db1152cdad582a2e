"""How facts read on the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from clustertrace.app import words
from clustertrace.model import KINDS, TRACE_STATUSES
from clustertrace.patterns.statistics import Interval


def ns(*parts: int) -> int:
    """A moment in UTC, nanoseconds."""
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 10**9


def test_every_way_to_stand_has_a_sign_a_word_and_a_reason() -> None:
    """No colour stands alone, and no state is without words."""
    for outcome in (None, "pass", "fail"):
        for status in TRACE_STATUSES:
            state = words.state(outcome, status)
            assert state.sign
            assert state.word
            assert state.reason.endswith(".")
    labels = [state.label for state in words.states()]
    assert len(set(labels)) == len(labels)


def test_the_users_word_outweighs_the_status() -> None:
    """A recorded outcome says more than how the root span ended."""
    assert words.state("pass", "error").word == "passed"
    assert words.state("fail", "ok").tone == "failed"
    assert words.state(None, "ok").word == "ended"


@pytest.mark.parametrize("name", ["وكيل البحث", "סוכן"])
def test_a_name_from_right_to_left_leaves_the_line_as_it_is(name: str) -> None:
    """Without the mark behind it, `: 2 of 3 runs` would stand before the name, its 2 first."""
    assert words.in_line(name) == f"{name}\u200e"
    assert words.in_line("agent") == "agent"


def test_no_line_has_a_hole_where_a_name_would_be() -> None:
    """What has no name is called so."""
    assert words.in_line("") == "(no name)"


def test_every_kind_has_a_sign() -> None:
    """A new kind needs an icon."""
    assert set(words.KINDS) == KINDS


@pytest.mark.parametrize(
    ("usd", "unpriced", "text"),
    [
        (0.0, 0, "$0"),
        (0.0, 2, "unpriced"),
        (0.00001, 2, "> $0"),
        (1.5, 0, "$1.50"),
        (1.5, 1, "≥ $1.50"),
    ],
)
def test_unpriced_calls_are_not_free(usd: float, unpriced: int, text: str) -> None:
    """A sum with unknown parts is a lower bound."""
    assert words.cost(usd, unpriced) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (9_999, "9,999"), (45_678, "45.7k"), (40_969_315, "41.0M")]
)
def test_large_counts_are_short(number: int, text: str) -> None:
    """Four digits as they are, more of them rounded."""
    assert words.short_count(number) == text


def test_intervals_and_buckets() -> None:
    """Rates in whole per cents; once needs no sign."""
    assert words.interval(Interval(0.118, 0.318)) == "12–32 %"
    assert words.times("1") == ""
    assert words.times("2-3") == "×2–3"


def test_moments_are_as_short_as_they_are_clear() -> None:
    """The time today, the day within the year, the year before that."""
    now = ns(2026, 5, 4, 12, 0, 0)
    assert words.moment(ns(2026, 5, 4, 9, 8, 7), UTC, now) == "09:08:07"
    assert words.moment(ns(2026, 5, 3, 9, 8, 7), UTC, now) == "3 May 09:08"
    assert words.moment(ns(2025, 5, 3, 9, 8, 7), UTC, now) == "3 May 2025"


def test_moments_stand_in_the_zone_of_the_browser() -> None:
    """A time is shown in the zone of the browser, where `today` is the user's today."""
    late = ns(2026, 5, 3, 23, 30, 0)
    assert words.moment(late, ZoneInfo("Europe/Vienna"), late) == "01:30:00"
    assert words.day(late, ZoneInfo("Europe/Vienna")) == "4 May 2026, 01:30:00 CEST"


@pytest.mark.parametrize("name", [None, "", "No/Where", "../../etc/passwd", "\0"])
def test_an_unknown_zone_is_utc(name: str | None) -> None:
    """What a browser sends can't break a page."""
    assert words.zone(name) is UTC


def test_times_beyond_the_calendar_are_still_shown() -> None:
    """A clock that went wrong doesn't break a page."""
    assert words.moment(2**62 * 1000, UTC, 0).endswith("ns")
    assert words.day(2**62 * 1000, UTC).endswith("ns")


@pytest.mark.parametrize(
    ("p", "text"), [(0.0, "<0.0001"), (3e-41, "<0.0001"), (0.0001, "0.0001"), (0.0213, "0.02")]
)
def test_no_chance_reads_as_none_at_all(p: float, text: str) -> None:
    """A p value too small for a float is not said to be 0."""
    assert words.chance(p) == text
