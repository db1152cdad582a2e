"""`why`: the differences of a pattern's failed runs, the parting of paths, and honest silence."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.model import Batch, TraceFacts
from clustertrace.store import Store, queries
from tests.cli.test_rules import spans_of


@pytest.fixture
def forgetful(store: Store) -> str:
    """Runs of which those that stop after the search fail; the id of their pattern."""
    for number in range(1, 41):
        stops = number % 4 == 0
        tools = ["plan", "search"] if stops else ["plan", "search", "cite"]
        facts = TraceFacts(f"{number:032x}", outcome="fail" if stops else "pass")
        store.write(Batch(spans_of(number, tools), [facts]))
    store.refresh()
    with store.read() as conn:
        return queries.clusters(conn).clusters[0].id


def test_why_says_what_differs_and_where_paths_part(run: Any, forgetful: str) -> None:
    """Sentences with evidence for people; the same with every number as JSON."""
    shown = run("why", forgetful[:6])
    assert shown.code == 0
    assert "- `cite` never called: 10 of 10 failed runs, 0 of 30 that did not fail." in shown.out
    assert "10 of the 10 runs that ended there failed, against 0 of the 30" in shown.out
    assert "not what causes it" in shown.err
    answer = run("why", forgetful, "--json").answer
    assert (answer["pattern"], answer["name"], answer["failed"]) == (forgetful, "agent", 10)
    assert answer["population"] == "family"
    assert answer["compared"] == {
        "failed": 10,
        "passed": 30,
        "left_out": 0,
        "others_left_out": False,
    }
    difference = answer["differences"][0]
    assert difference["p"] <= difference["q"] < 1e-6
    assert len(difference["evidence_trace_ids"]) == 5
    assert (answer["divergence"]["after"], answer["divergence"]["step"]) == (
        ["plan", "search"],
        None,
    )
    assert answer["divergence"]["place"] == 3


def test_why_takes_a_run_for_its_pattern(run: Any, forgetful: str) -> None:
    """A failed run is what one has at hand; an id of neither is no pattern's."""
    assert run("why", f"{4:032x}", "--json").answer["pattern"] == forgetful
    assert "Several traces begin with 0000" in run("why", "0000").err
    assert "There is no pattern or trace beef" in run("why", "beef").err
    assert "Give the id of a pattern;" in run("why", "").err


def test_without_evidence_the_answer_is_no(run: Any, store: Store) -> None:
    """Exit code 1, a reason, and what it would take."""
    for number in range(1, 21):
        facts = TraceFacts(f"{number:032x}", outcome="fail" if number % 3 == 0 else "pass")
        store.write(Batch(spans_of(number, ["search"]), [facts]))
    store.refresh()
    with store.read() as conn:
        pattern = queries.clusters(conn).clusters[0].id
    shown = run("why", pattern)
    assert (shown.code, shown.out) == (1, "")
    assert "No evidence" in shown.err
    ran = run("why", pattern, "--json")
    assert ran.code == 1
    assert ran.answer["why_none"].startswith("No evidence")
    assert ran.answer["more_runs"] > 0
    assert ran.answer["divergence"] is None


def test_a_pattern_without_failures_needs_no_reason(run: Any, forgetful: str, store: Store) -> None:
    """It is said in a sentence, and no divergence of other patterns is told."""
    with store.read() as conn:
        good = queries.clusters(conn).clusters[1].id
    ran = run("why", good, "--json")
    assert ran.code == 1
    assert ran.answer["why_none"].startswith("No run of this pattern failed")
    assert ran.answer["divergence"] is None


@pytest.mark.usefixtures("forgetful")
def test_an_unknown_pattern_is_a_sentence(run: Any) -> None:
    """Exit code 2 and where to find patterns."""
    found = run("why", "feed")
    assert (found.code, found.out) == (2, "")
    assert "clustertrace clusters" in found.err
