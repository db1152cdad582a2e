"""`verdict` on a database: filters choose the sides, groups keep the comparison fair."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store

SECOND = 10**9


@pytest.fixture
def two_versions(store: Store) -> Store:
    """Two hundred runs of version 1, of which 40 % fail, and as many of version 2 with 15 %."""
    spans, facts = [], []
    for number in range(1, 401):
        trace_id = f"{number:032x}"
        version = 1 if number <= 200 else 2
        failed = number % 20 < (8 if version == 1 else 3)
        start = number * SECOND
        spans.append(Span(trace_id, "1" * 16, None, "agent", "agent", "ok", start, start + SECOND))
        tags = {"version": str(version), "task": f"t{number % 4}"}
        facts.append(TraceFacts(trace_id, outcome="fail" if failed else "pass", tags=tags))
    store.write(Batch(spans, facts))
    return store


def test_an_improvement_is_said_in_a_sentence(run: Any, two_versions: Store) -> None:
    """Both sides, the difference with its interval, and the groups are told."""
    sides = ("--before", "tag.version:1", "--after", "tag.version:2")
    found = run("verdict", *sides)
    assert found.code == 0
    assert found.out.startswith("Improved. 80 of 200 failed before (40 %), 30 of 200 after (15 %).")
    answer = json.loads(run("verdict", *sides, "--json").out)
    assert (answer["word"], answer["strata"], answer["by"]) == ("improved", 4, "tag.task")
    assert answer["interval"][0] < answer["difference"] < answer["interval"][1] < 0


def test_a_run_that_matches_both_is_one_after(run: Any, two_versions: Store) -> None:
    """Everything against the new version counts no run on both sides."""
    new = ("--after", "tag.version:2", "--by", "name", "--json")
    apart = json.loads(run("verdict", "--before", "tag.version:1", *new).out)
    everything = json.loads(run("verdict", "--before", "name:agent", *new).out)
    assert everything["before"]["runs"] > 0
    assert everything["before"] == apart["before"]


def test_a_side_whose_runs_lack_the_tag_is_not_said_to_have_none(
    run: Any, two_versions: Store
) -> None:
    """Runs that finished but have no such tag are told apart from no runs at all."""
    trace_id = f"{999:032x}"
    late = Span(trace_id, "1" * 16, None, "other", "agent", "ok", 999 * SECOND, 1000 * SECOND)
    two_versions.write(Batch([late], []))
    printed = run("verdict", "--before", "name:other", "--after", "tag.version:2").out
    assert "no finished runs before with a known task" in " ".join(printed.split())


def test_without_the_tag_runs_are_grouped_by_name(run: Any, two_versions: Store) -> None:
    """A group that nobody has gives way to the root's name; a chosen one does not."""
    ran = run("verdict", "--before", "until:2000-01-01", "--after", "has(x)", "--json")
    assert json.loads(ran.out)["word"] == "no evidence"
    by_name = run(
        "verdict", "--before", "tag.version:1", "--after", "tag.version:2", "--by", "name", "--json"
    )
    assert json.loads(by_name.out)["strata"] == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--before", "cost>x", "--after", ""), "character 6"),
        (("--before", "", "--after", "", "--by", "colour"), "not by 'colour'"),
        (("--before", ""), "missing option"),
    ],
)
def test_wrong_use_is_a_sentence(
    run: Any, two_versions: Store, options: tuple[str, ...], reason: str
) -> None:
    """A filter or group that makes no sense ends with exit code 2 and a sentence."""
    found = run("verdict", *options)
    assert (found.code, found.out) == (2, "")
    assert reason in found.err


@pytest.fixture
def two_runs(store: Store) -> Store:
    """Two runs of one agent that part at their second step."""
    for number, tools in ((1, "search open cite"), (2, "search search cite")):
        trace_id = f"{number:x}" * 32
        spans = [Span(trace_id, "1" * 16, None, "agent", "agent", "ok", 0, 99)]
        for at, name in enumerate(tools.split(), 2):
            given = {"n": number if name == "cite" else 0}
            spans.append(
                Span(trace_id, f"{at:016x}", "1" * 16, name, "tool", "ok", at, at + 1, given)
            )
        store.write(Batch(spans, []))
    return store


def test_two_traces_stand_side_by_side(run: Any, two_runs: Store) -> None:
    """Rows say what each step is on either side, where they part, and what differs."""
    answer = json.loads(run("compare", "1111", "2222", "--json").out)
    assert [row["what"] for row in answer["rows"]] == ["same", "changed", "same"]
    assert [row["first_divergence"] for row in answer["rows"]] == [False, True, False]
    assert [row["input_differs"] for row in answer["rows"]] == [False, False, True]
    shown = run("compare", "1111", "2222")
    assert shown.code == 1
    assert "they part here" in shown.out
    assert "other input" in shown.out


def test_a_trace_is_the_same_as_itself(run: Any, two_runs: Store) -> None:
    """Nothing differs, and the exit code is 0."""
    found = run("compare", "1111", "1111", "--json")
    assert (found.code, json.loads(found.out)["same_steps"]) == (0, True)


def test_two_patterns_stand_side_by_side(run: Any, two_runs: Store) -> None:
    """Patterns are compared element by element."""
    ids = [one["id"] for one in json.loads(run("clusters", "--json").out)["clusters"]]
    answer = json.loads(run("compare", *ids, "--json").out)
    assert answer["sort"] == "pattern"
    assert not answer["same_steps"]


def test_what_is_not_there_cannot_be_compared(run: Any, two_runs: Store) -> None:
    """An unknown id is a sentence and exit code 2."""
    found = run("compare", "1111", "dddd")
    assert found.code == 2
    assert "no trace dddd" in found.err
