"""`review`: a week in a terminal, as JSON and as Markdown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clustertrace.store.store import Store
from tests.cli.conftest import START

pytestmark = pytest.mark.usefixtures("filled", "utc")


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be in Greenwich, in the days of the runs."""
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "UTC")
        patched.setenv("LC_ALL", "C")
        time.tzset()
        patched.setattr("time.time_ns", lambda: START)
        yield
    time.tzset()


def test_the_last_seven_days(run: Any) -> None:
    """Sentences first, then what they rest on."""
    ran = run("review")
    assert ran.code == 0
    assert ran.out.startswith("3–9 October 2025: 3 runs of ")
    for title in ("What cost most", "What caches saved", "What ran most often", "a dead end"):
        assert title in ran.out


@pytest.mark.parametrize("week", ["2025-W41", "2025-10-12", "2025-10-06"])
def test_another_week(run: Any, week: str) -> None:
    """A week is named by its number or by any of its days."""
    answer = run("review", "--week", week, "--json").answer
    assert (answer["week"]["first"], answer["week"]["last"]) == ("2025-10-06", "2025-10-12")
    assert (answer["ended"], answer["finished"]) == (3, 3)


@pytest.mark.parametrize(
    ("name", "value"), [("LC_ALL", "en_US"), ("CLUSTERTRACE_WEEK_STARTS", "sunday")]
)
def test_weeks_begin_where_the_user_says(
    run: Any, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The first day of the week follows the locale, or the user's setting."""
    monkeypatch.setenv(name, value)
    answer = run("review", "--week", "2025-10-06", "--json").answer
    assert answer["week"]["first"] == "2025-10-05"


def test_markdown_begins_with_the_headline(run: Any) -> None:
    """`--markdown` prints a document that begins with the headline."""
    assert run("review", "--markdown").out.startswith("# 3–9 October 2025: 3 runs of ")


def test_a_week_without_runs(run: Any) -> None:
    """The answer is no, and where to look."""
    ran = run("review", "--week", "2024-01-01")
    assert (ran.code, ran.out) == (1, "No run that has ended began on 1–7 January 2024.\n")
    assert "The newest run began on 9 October 2025." in ran.err
    assert run("review", "--week", "2024-01-01", "--json").answer["ended"] == 0


def test_a_plan_and_how_it_went(run: Any) -> None:
    """Planned in one week, marked in the next, withdrawn."""
    assert "--plan TEXT" in run("review").err
    week = ("review", "--week", "2025-10-06")
    ran = run(*week, "--plan", "search less", "--aim", "cost")
    assert "For 13–19 October 2025: search less (for the cost per run of all runs)." in ran.out
    after = ("review", "--week", "2025-10-13")
    ran = run(*after, "--mark", "partial")
    assert ran.code == 0
    assert "For 13–19 October 2025 you meant to: search less" in ran.out
    assert "You marked it partial. No evidence" in ran.out
    answer = run(*after, "--json").answer
    assert answer["last_change"]["marked"]["mark"] == "partial"
    assert answer["last_change"]["tested"]["verdict"] == "no evidence"
    assert run(*week, "--plan", "and again").code == 2
    pattern = run("clusters", "--json").answer["clusters"][0]["id"]
    assert run(*after, "--plan", "x", "--aim", f"failures:{pattern[:4]}").code == 0
    assert run(*after, "--json").answer["next_change"]["aim"] == f"failures:{pattern}"
    run(*after, "--plan", "")
    assert run(*after, "--json").answer["next_change"] is None


def test_plans_that_can_not_be(run: Any) -> None:
    """For weeks that are over, for figures that there are not, and marks of nothing."""
    assert "is over" in run("review", "--week", "2025-W30", "--plan", "x").err
    assert "failures, dead-ends" in run("review", "--plan", "x", "--aim", "luck").err
    assert "Nothing was planned" in run("review", "--mark", "kept").err


def test_an_empty_database(run: Any, tmp_path: Path) -> None:
    """Without a trace the review says how traces get in."""
    Store.open(tmp_path / "empty.db").close()
    ran = run("review", "--db", str(tmp_path / "empty.db"))
    assert ran.code == 1
    assert ran.err.startswith("There are no traces yet. Run your agent")


def test_wrong_use(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wrong use of `review` is refused in one sentence."""
    ran = run("review", "--week", "soon")
    assert (ran.code, ran.out) == (2, "")
    assert "'soon' is not a week" in ran.err
    assert run("review", "--json", "--markdown").code == 2
    monkeypatch.setenv("CLUSTERTRACE_WEEK_STARTS", "someday")
    assert "CLUSTERTRACE_WEEK_STARTS" in run("review", "--week", "2025-W41").err
