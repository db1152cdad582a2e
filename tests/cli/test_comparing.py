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
    assert found.out.startswith("Improved. 80 of 200 failed before (40%), 30 of 200 after (15%).")
    told = json.loads(run("verdict", *sides, "--json").out)
    assert (told["word"], told["strata"], told["by"]) == ("improved", 4, "tag.task")
    assert told["interval"][0] < told["difference"] < told["interval"][1] < 0


def test_without_the_tag_runs_are_grouped_by_name(run: Any, two_versions: Store) -> None:
    """A group that nobody has gives way to the root's name; a chosen one does not."""
    told = run("verdict", "--before", "until:2000-01-01", "--after", "has(x)", "--json")
    assert json.loads(told.out)["word"] == "no evidence"
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
