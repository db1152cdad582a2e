"""Plans for a week are kept, marked once, and tested against the week before."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

import pytest

from clustertrace.errors import NotFound, UsageError
from clustertrace.model import Batch, Span
from clustertrace.review.aims import Aim
from clustertrace.review.commitments import Changes, Kept
from clustertrace.review.weeks import window
from clustertrace.store import queries
from clustertrace.store.store import Store
from clustertrace.store.user_entries import commitments
from tests.store.conftest import SECOND

WEEK = date(2025, 11, 17)
NEXT = WEEK + timedelta(weeks=1)
KEPT = Kept("kept", 0.4, 0.1, "improved")


def changes(store: Store, week: date = WEEK, **more: Any) -> Changes:
    """What a review says of plans."""
    with store.read() as conn:
        return queries.review(conn, window(week, UTC), **more).changes


def run(number: int, day: date, *, failed: bool, cost: float = 0.01) -> Batch:
    """A run of a day: an agent with one model call."""
    start = window(day, UTC).start_ns + number * SECOND
    trace_id = f"{day.toordinal():016x}{number:016x}"
    status = "error" if failed else "ok"
    root = Span(trace_id, "1" * 16, None, "agent", "agent", status, start, start + SECOND)
    call = root._replace(
        span_id="2" * 16, parent_span_id=root.span_id, name="call", kind="llm", status="ok",
        model="m", input_tokens=100, output_tokens=1, cost_usd=cost,
    )  # fmt: skip
    return Batch([root, call], [])


@pytest.fixture
def two_weeks(store: Store) -> Store:
    """Twenty of forty runs failed in one week, two of forty in the next, which were cheaper."""
    for number in range(40):
        store.write(run(number, WEEK, failed=number % 2 == 0, cost=0.01 + number / 1000))
        store.write(run(number, NEXT, failed=number % 20 == 0))
    store.refresh()
    return store


def test_a_plan_stands_between_the_weeks(store: Store) -> None:
    """It is the next change of one week, and the last change of the other."""
    commitments.commit(store, NEXT, " cite  before\nanswering ", Aim("failures"))
    planned = changes(store).planned
    assert planned is not None
    assert (planned.week, planned.change) == (NEXT, "cite before answering")
    found = changes(store, NEXT)
    assert found.last is not None
    assert found.last[:4] == planned[:4]
    assert (found.planned, found.weeks) == (None, (planned,))
    assert (changes(store).weeks, changes(store).last) == ((), None)


def test_it_is_tested_against_the_week_before(two_weeks: Store) -> None:
    """The figure of both weeks, and the test of `verdict`, for all runs and for one pattern."""
    with two_weeks.read() as conn:
        [pattern] = conn.rows("SELECT variant_id FROM variants")[0]
    for aim in (Aim("failures"), Aim("failures", pattern), Aim("dead-ends")):
        commitments.commit(two_weeks, NEXT, "stop in time", aim)
        last = changes(two_weeks, NEXT).last
        assert last is not None
        assert last.tested is not None
        assert (last.tested.before, last.tested.after) == (0.5, 0.05)
        assert last.tested.verdict.word == "improved"
    for aim in (Aim("cost"), Aim("cost", pattern)):
        commitments.commit(two_weeks, NEXT, "shorter answers", aim)
        last = changes(two_weeks, NEXT).last
        assert last is not None
        assert last.tested is not None
        assert last.tested.before == pytest.approx(0.0295)
        assert last.tested.after == pytest.approx(0.01)
        assert (last.tested.verdict.before.failed, last.tested.verdict.after.failed) == (20, 0)


def test_marks_stay_with_their_figures(store: Store) -> None:
    """What was found then; it can be opened again."""
    commitments.commit(store, WEEK, "cite", Aim("failures"))
    commitments.mark(store, WEEK, KEPT)
    found = changes(store)
    assert found.last is not None
    assert found.last.kept == KEPT
    assert found.kept_in_a_row == 1
    commitments.mark(store, WEEK, None)
    assert changes(store).kept_in_a_row == 0


def test_a_marked_plan_is_not_rewritten(store: Store) -> None:
    """One that is open can be changed and withdrawn."""
    commitments.commit(store, WEEK, "one", Aim("failures"))
    commitments.commit(store, WEEK, "another", Aim("cost"))
    commitments.mark(store, WEEK, KEPT)
    with pytest.raises(UsageError, match="marked already"):
        commitments.commit(store, WEEK, "a third", Aim("failures"))
    commitments.withdraw(store, WEEK)
    assert [one.change for one in changes(store).weeks] == ["another"]
    commitments.mark(store, WEEK, None)
    commitments.withdraw(store, WEEK)
    assert changes(store).weeks == ()


def test_what_can_not_be_kept_is_said(store: Store) -> None:
    """Empty or endless plans, marks of nothing, marks that there are not."""
    for text in (" ", "x" * 501):
        with pytest.raises(UsageError, match="1 to 500 characters"):
            commitments.commit(store, WEEK, text, Aim("failures"))
    with pytest.raises(NotFound, match="Nothing was planned"):
        commitments.mark(store, WEEK, KEPT)
    with pytest.raises(UsageError, match="kept, partial, missed"):
        commitments.mark(store, WEEK, KEPT._replace(mark="done"))  # type: ignore[arg-type]


@pytest.mark.sqlite("its file")
def test_secrets_are_cut(store: Store) -> None:
    """A key in a plan reaches no disk."""
    commitments.commit(store, WEEK, "use sk-ant-api03-" + "a1B2" * 24, Aim("failures"))
    assert "a1B2" not in str(changes(store).last)
    assert b"a1B2" * 4 not in store.path.read_bytes()


def test_a_week_that_is_over_can_not_be_planned_for(store: Store) -> None:
    """A week can be planned for until its last moment, and not after it."""
    end = window(NEXT, UTC).end_ns
    assert not changes(store, now_ns=end - 1).too_late
    assert changes(store, now_ns=end).too_late
