"""What a verdict compares: the newest runs of both sides, by group."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clustertrace.errors import UsageError
from clustertrace.filters import parse
from clustertrace.model import Span, TraceFacts
from clustertrace.patterns.verdict import Side
from clustertrace.store import Store, queries
from tests.store.conftest import batch

Make = Callable[..., list[Span]]


def fill(store: Store, make: Make, *, tagged: bool = True) -> None:
    """Six runs of one agent, of which the first three failed; odd ones are of one task."""
    for number in range(1, 7):
        tags = {"task": "odd" if number % 2 else "even"} if tagged else {}
        facts = TraceFacts(f"{number:032x}", tags=tags)
        store.write(batch(*make(number, "search", failed=number <= 3), facts=[facts]))
    store.refresh()


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("tag.task", {"odd": Side(2, 3), "even": Side(1, 3)}),
        ("name", {"agent": Side(3, 6)}),
        ("tag.nobody", {}),
    ],
)
def test_runs_are_counted_by_group(
    store: Store, make_trace: Make, by: str, expected: dict[str, Side]
) -> None:
    """By a tag, those that have it; by the name of the root, all."""
    fill(store, make_trace)
    with store.read() as conn:
        assert queries.failures_by(conn, parse("name:agent"), by) == expected
        with pytest.raises(UsageError):
            queries.failures_by(conn, parse("name:agent"), "colour")


def test_the_newest_runs_of_a_side_are_counted(
    store: Store, make_trace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More would say no more, and keep somebody waiting."""
    monkeypatch.setattr("clustertrace.store.queries.comparing.NEWEST", 4)
    fill(store, make_trace)
    with store.read() as conn:
        found = queries.failures_by(conn, parse("name:agent"), "name")
    assert found == {"agent": Side(1, 4)}


def test_where_nobody_has_the_tag_names_are_compared(store: Store, make_trace: Make) -> None:
    """The usual tag need not be there."""
    fill(store, make_trace, tagged=False)
    with store.read() as conn:
        both = queries.before_and_after(conn, parse("failed:yes"), parse("failed:no"), "tag.task")
    assert (both.by, both.before, both.after) == (
        "name",
        {"agent": Side(3, 3)},
        {"agent": Side(0, 3)},
    )
