"""Plans for a week, in sentences and over weeks."""

from __future__ import annotations

from datetime import UTC, date, timedelta

import pytest

from clustertrace.patterns.verdict import Side, verdict
from clustertrace.review.aims import Aim, Comparison
from clustertrace.review.change_sections import last_change, next_change, week_by_week
from clustertrace.review.commitments import Changes, Commitment, Kept, Mark, streak
from clustertrace.review.weeks import window

THIS = window(date(2025, 11, 17), UTC)
NEXT = window(date(2025, 11, 24), UTC)
MADE = verdict({"a": Side(40, 100)}, {"a": Side(10, 100)})
TESTED = Comparison(0.4, 0.1, MADE, "Improved. And so on.")
NOTHING = Changes(THIS.end_ns, THIS, None, NEXT, None, (), (), 0)


def plan(ago: int, mark: Mark | None = None) -> Commitment:
    """A plan for some weeks ago."""
    kept = Kept(mark, 0.4, 0.1, "improved") if mark else None
    return Commitment(
        THIS.first - timedelta(weeks=ago), "cite before answering", Aim("failures"), kept
    )


@pytest.mark.parametrize(
    ("marks", "weeks"),
    [
        ([], 0),
        (["kept"], 1),
        (["kept", "kept", "missed", "kept"], 2),
        ([None, "kept", "kept"], 2),  # this week is not marked yet
        (["partial", "kept"], 0),
        (["kept", None, "kept"], 1),
    ],
)
def test_a_streak_is_weeks_in_a_row(marks: list[Mark | None], weeks: int) -> None:
    """Up to the newest week that is marked; a week that is not kept ends it."""
    plans = [plan(ago, mark) for ago, mark in enumerate(marks)]
    assert streak(plans, THIS.first) == weeks


def test_a_week_without_a_plan_ends_a_streak() -> None:
    """A week for which nothing was planned ends the streak of kept plans."""
    assert streak([plan(0, "kept"), plan(2, "kept")], THIS.first) == 1


def test_the_last_change_stands_with_its_figure() -> None:
    """Before and after, the test, the mark, and what this does not show."""
    changes = NOTHING._replace(last=plan(0)._replace(tested=TESTED))
    section = last_change(changes, {})
    assert section is not None
    assert section.sentence == (
        "For 17–23 November 2025 you meant to: cite before answering (for the failure rate of all "
        "runs). It is not marked yet. Improved. And so on."
    )
    assert [(fact.cell.text, fact.label) for fact in section.facts] == [
        ("40 %", "failure rate, 10–16 November 2025"),
        ("10 %", "failure rate, 17–23 November 2025"),
    ]
    assert "where=failed%3Ayes&where=since%3A2025-11-10" in section.facts[0].cell.href
    assert "does not show that your change caused it" in section.note
    marked = changes._replace(last=plan(0, "kept")._replace(tested=TESTED))
    assert "You marked it kept." in str(last_change(marked, {}))
    early = changes._replace(now_ns=THIS.start_ns)
    assert "17–23 November 2025 so far" in str(last_change(early, {}))
    assert last_change(NOTHING, {}) is None


def test_the_next_change() -> None:
    """The next change is shown as planned, as still to be planned, or as too late."""
    assert next_change(NOTHING, {}).sentence == "Nothing is planned for 24–30 November 2025 yet."
    planned = NOTHING._replace(planned=plan(-1)._replace(aim=Aim("cost", "ab12")))
    assert next_change(planned, {}).sentence == (
        "For 24–30 November 2025: cite before answering (for the cost per run of pattern ab12)."
    )
    late = NOTHING._replace(now_ns=NEXT.end_ns)
    assert next_change(late, {}).sentence == "Nothing was planned for 24–30 November 2025."


def test_weeks_are_a_picture_and_a_table() -> None:
    """Twelve squares, the week that is looked back on last; a row for each plan, newest first."""
    weeks = (plan(13, "kept"), plan(2, "missed"), plan(1, "kept"), plan(0))
    section = week_by_week(NOTHING._replace(weeks=weeks, kept_in_a_row=1), {})
    assert section is not None
    assert section.sentence == "2 changes kept of 3 that are marked."
    assert [one.mark for one in section.marks] == ["none"] * 9 + ["missed", "kept", "open"]
    assert section.marks[-1].href == "/review?week=2025-11-17"
    assert [row[-1].text for row in section.rows] == ["open", "kept", "missed", "kept"]
    assert [cell.text for cell in section.rows[1][3:6]] == ["40 %", "10 %", "improved"]
    row = week_by_week(NOTHING._replace(weeks=weeks, kept_in_a_row=3), {})
    assert "the last 3 in a row" in str(row)
    assert week_by_week(NOTHING, {}) is None
    assert "No week is marked yet." in str(week_by_week(NOTHING._replace(weeks=(plan(0),)), {}))
