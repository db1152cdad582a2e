"""`annotate` and `outcome`: what the user says about runs and patterns."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.store.store import Store


@pytest.fixture
def pattern(run: Any, filled: Store) -> str:
    """The id of the first pattern."""
    return str(run("clusters", "--json").answer["clusters"][0]["id"])


def test_an_outcome_by_hand_changes_the_totals(run: Any, filled: Store) -> None:
    """Traces are named by a beginning of their ids; reading commands agree at once."""
    before = run("stats", "--json").answer["failed"]
    ran = run("outcome", f"{1:032x}", f"{2:032x}", "fail", "--reason", "no", "--json")
    assert ran.answer == {"outcome": "fail", "reason": "no", "traces": 2, "dry_run": False}
    assert run("stats", "--json").answer["failed"] == before + 1
    assert "you say so: no" in run("inspect", f"{1:032x}").out


def test_outcomes_in_bulk(run: Any, filled: Store) -> None:
    """A filter names the traces; --dry-run only counts them."""
    planned = run("outcome", "pass", "--where", "spans:5", "--dry-run").out
    assert planned == "3 traces would have the outcome pass.\n"
    assert run("stats", "--json").answer["failed"] == 2
    done = run("outcome", "pass", "--where", "spans:5").out
    assert done == "3 traces now have the outcome pass.\n"
    assert run("stats", "--json").answer["failed"] == 0
    assert run("outcome", "pass", "--where", "name:nothing").code == 1
    taken_back = run("outcome", "own", "--where", "spans:5").out
    assert taken_back == "3 traces now have no outcome but their own.\n"
    assert run("stats", "--json").answer["failed"] == 2
    newest = run("inspect", "--json").answer["trace_id"]
    alone = run("outcome", newest, "own").out
    assert alone == "1 trace now has no outcome but its own.\n"
    assert run("outcome", "fail", "--where", "id:*").out == "3 traces now have the outcome fail.\n"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("fail",), "--where FILTER"),
        (("0000", "fail", "--where", "spans:5"), "--where FILTER"),
        (("good",), "pass, fail, unknown or own"),
        (("fail", "--where", "spans:"), "character 7"),
        (("fail", "--where", ""), "--where is empty"),
        (("ffff", "fail"), "no trace ffff"),
    ],
)
def test_wrong_use_of_outcome(run: Any, filled: Store, arguments: Any, word: str) -> None:
    """Wrong arguments of `outcome` are refused in one sentence, with exit code 2."""
    ran = run("outcome", *arguments)
    assert ran.code == 2
    assert word in ran.err


def test_star_note_and_tags(run: Any, filled: Store) -> None:
    """What is said stands in the answer, and without an option only the answer comes."""
    edits = ("--star", "--note", "look here", "--tag", "task=a=b", "--tag", "prompt=")
    answer = run("annotate", f"{3:032x}", *edits, "--json").answer
    assert answer == {
        "trace_id": f"{3:032x}",
        "outcome": "fail",
        "by_hand": False,
        "starred": True,
        "note": "look here",
        "tags": {"task": "a=b"},
    }
    assert run("annotate", f"{3:032x}", "--json").answer == answer
    assert "★ look here" in run("inspect", f"{3:032x}").out
    assert "starred: yes" in run("annotate", f"{3:032x}").out


def test_a_pattern_is_judged(run: Any, filled: Store, pattern: str) -> None:
    """Expected failures, priority and a note; a beginning of the id is enough."""
    answer = run("annotate", pattern[:8], "--expected", "--priority", "high", "--json").answer
    assert answer == {"pattern": pattern, "expected": True, "priority": "high", "note": None}
    assert "expected: yes" in run("annotate", pattern).out


def test_expected_failures_do_not_lead_the_patterns(run: Any, filled: Store, pattern: str) -> None:
    """The pattern comes after others that failed, and the sentence is about these."""
    before = run("clusters", "--json").answer
    assert before["failed_as_expected"] == 0
    run("annotate", pattern, "--expected")
    after = run("clusters", "--json").answer
    expected = next(one for one in after["clusters"] if one["id"] == pattern)
    assert expected["failures_expected"]
    assert after["failed_as_expected"] == expected["failed"] > 0
    assert after["failed"] == before["failed"]
    failing = [one["id"] for one in after["clusters"] if one["failed"]]
    assert failing[-1] == pattern
    assert f"; {expected['failed']} more is expected." in run("clusters").out


def test_each_sort_has_its_own_options(run: Any, filled: Store, pattern: str) -> None:
    """A star on a pattern, or a priority of a trace, is refused."""
    assert run("annotate", pattern, "--star").code == 2
    assert run("annotate", f"{3:032x}", "--expected").code == 2
    assert run("annotate", f"{3:032x}", "--tag", "=x").code == 2
    assert run("annotate", "nothing").code == 2


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    "command",
    [["annotate"], ["snapshot", "-o", "a.html"], ["repro", "--entry", "a:b"], ["why"]],
    ids=lambda command: command[0],
)
def test_the_beginning_of_several_patterns(run: Any, command: list[str]) -> None:
    """Whoever gives too little of a pattern's id hears that, not that it is no trace."""
    ids = [cluster["id"] for cluster in run("clusters", "--json").answer["clusters"]]
    begin = next(one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1)
    assert f"Several patterns begin with {begin};" in run(*command, begin).err
