"""`drift`: the last days against those before, or any two filters."""

from __future__ import annotations

import time
from typing import Any

import pytest

from clustertrace.model import Batch, TraceFacts
from clustertrace.store import Store
from tests.cli.test_rules import spans_of

DAY = 86_400 * 10**9


@pytest.fixture
def worse(store: Store) -> Store:
    """Ten days ago all was well; since three days ago most runs fail, and one way is new."""
    now = time.time_ns()
    for number in range(1, 61):
        late = number > 30
        tools = ["search", "guess"] if late and number % 2 else ["search", "cite"]
        shift = now - (3 if late else 10) * DAY - number * 100 * 10**9
        spans = [
            span._replace(
                start_ns=span.start_ns + shift,
                end_ns=None if span.end_ns is None else span.end_ns + shift,
            )
            for span in spans_of(number, tools)
        ]
        facts = TraceFacts(
            f"{number:032x}",
            outcome="fail" if late else "pass",
            tags={"version": "2" if late else "1"},
        )
        store.write(Batch(spans, [facts]))
    store.refresh()
    return store


@pytest.mark.usefixtures("worse")
@pytest.mark.parametrize(
    "arguments", [(), ("--before", "tag.version:1", "--after", "tag.version:2")]
)
def test_what_changed_is_told(run: Any, arguments: tuple[str, ...]) -> None:
    """Sentences for people, every number as JSON."""
    shown = run("drift", *arguments)
    assert shown.code == 0
    assert "agent: search → cite\n  fails more: 0 % of 30 before, 100 % of 15" in shown.out
    assert "new: 15 runs, 50 % of all" in shown.out
    assert "0 of 30 runs failed before, 30 of 30 after" in shown.err
    answer = run("drift", *arguments, "--json").answer
    assert (answer["before"]["runs"], answer["after"]["failed"]) == (30, 30)
    assert {change["what"] for change in answer["changes"]} == {"new", "failure rate", "share"}


@pytest.mark.usefixtures("worse")
def test_nothing_to_compare_is_an_answer(run: Any) -> None:
    """An empty window is told, with exit code 1."""
    shown = run("drift", "--days", "0.5")
    assert (shown.code, shown.out) == (1, "")
    assert "has no finished runs" in shown.err


@pytest.mark.usefixtures("worse")
def test_one_window_alone_is_wrong_use(run: Any) -> None:
    """`--before` and `--after` go together: one alone is wrong use."""
    shown = run("drift", "--before", "tag.version:1")
    assert (shown.code, shown.out) == (2, "")
    assert "both --before and --after" in shown.err


def test_more_than_a_century_is_refused(run: Any) -> None:
    """Windows that no database could compare with are told before it is asked."""
    shown = run("drift", "--days", "99999999")
    assert (shown.code, shown.out) == (2, "")
    assert "36500" in shown.err
