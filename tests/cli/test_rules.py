"""`rules`: from the database, into a document, and onto runs that were never seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store, queries

SECOND = 10**9


def spans_of(number: int, tools: list[str]) -> list[Span]:
    """Make a trace of tools under an agent."""
    trace_id = f"{number:032x}"
    start = number * 100 * SECOND
    root = Span(trace_id, "1" * 16, None, "agent", "agent", "ok", start, start + 50 * SECOND)
    steps = [
        Span(
            trace_id,
            f"{at:016x}",
            "1" * 16,
            name,
            "tool",
            "ok",
            start + at * SECOND,
            start + (at + 1) * SECOND,
            {"n": at},
        )
        for at, name in enumerate(tools, 2)
    ]
    return [root, *steps]


@pytest.fixture
def looping(store: Store) -> Store:
    """Eighty runs of which those that search four times fail."""
    for number in range(1, 81):
        loops = number % 4 == 0
        tools = ["search"] * 4 if loops else ["search", "cite"]
        facts = TraceFacts(f"{number:032x}", outcome="fail" if loops else "pass")
        store.write(Batch(spans_of(number, tools), [facts]))
    return store


def test_the_rules_of_a_database_are_sentences(run: Any, looping: Store) -> None:
    """Each rule has its sentence, evidence and runs to look at; the loop is named."""
    found = run("rules")
    assert found.code == 0
    assert "20 of 20 failed (100 %; 25 % of all runs)" in found.out
    document = json.loads(run("rules", "--json").out)
    (rule,) = document["rules"]
    assert (rule["failed"], rule["matched"], rule["base_rate"]) == (20, 20, 0.25)
    assert rule["interval"][0] > 0.8
    assert rule["p"] <= rule["q"] < 0.05
    assert len(rule["sample_trace_ids"]) == 5
    assert document["tried"] >= 1


def test_expected_failures_are_said_to_be_left_out(run: Any, looping: Store) -> None:
    """The numbers of runs are those that rules were learned from, and it is told of the others."""
    for number in range(81, 84):
        facts = TraceFacts(f"{number:032x}", outcome="fail")
        looping.write(Batch(spans_of(number, ["sign in"]), [facts]))
    looping.refresh()
    with looping.read() as conn:
        pattern = queries.trace_row(conn, f"{81:032x}").variant
    assert pattern is not None
    run("annotate", pattern, "--expected")
    noted = run("rules").err
    assert "on 80 runs without 3 expected failures, 20 of them failed." in noted


def test_nothing_significant_is_said_with_what_it_would_take(run: Any, store: Store) -> None:
    """Few runs give no rule, a reason, and an idea of how many more could."""
    for number in range(1, 9):
        facts = TraceFacts(f"{number:032x}", outcome="fail" if number == 1 else "pass")
        store.write(Batch(spans_of(number, ["search"]), [facts]))
    found = run("rules")
    assert found.code == 1
    assert "No significant pattern in what runs did" in found.err
    assert json.loads(run("rules", "--json").out)["more_runs"] > 0


def test_whose_runs_fail_is_an_answer_by_itself(run: Any, store: Store) -> None:
    """Where runs did the same, a tag may tell them apart; it comes with a caveat."""
    for number in range(1, 81):
        failing = number % 4 == 0
        facts = TraceFacts(
            f"{number:032x}",
            outcome="fail" if failing else "pass",
            tags={"customer": "acme" if failing else "others"},
        )
        store.write(Batch(spans_of(number, ["search"]), [facts]))
    found = run("rules")
    assert found.code == 0
    assert "The tag `customer` is `acme`: 20 of 20 failed (100 %; 25 % of all runs)." in found.out
    assert "No significant pattern in what runs did" in found.err
    assert "A tag may also be a label" in found.err
    document = run("rules", "--json").answer
    assert document["rules"] == []
    assert [len(rule["sample_trace_ids"]) for rule in document["tag_rules"]] == [5]
    assert document["tags_tried"] == 2


def test_rules_are_learned_from_one_file_and_matched_on_another(
    run: Any, looping: Store, tmp_path: Path
) -> None:
    """What was learned places new runs without learning anew, ids in rank order."""
    runs, document = str(tmp_path / "runs.jsonl.gz"), str(tmp_path / "rules.json")
    assert run("export", "--all", "-o", runs).code == 0
    assert run("rules", "learn", runs, "-o", document).code == 0
    learned = json.loads(Path(document).read_text())
    ids = [rule["id"] for rule in learned["rules"]]
    matches = json.loads(run("rules", "match", document, runs, "--json").out)["matches"]
    assert len(matches) == 80
    assert [match["rules"] for match in matches] == [
        ids if number % 4 == 0 else [] for number in range(1, 81)
    ]


def test_a_file_without_failures_has_no_rules(run: Any, store: Store, tmp_path: Path) -> None:
    """The document is written all the same, with an empty list and the reason."""
    store.write(Batch(spans_of(1, ["search"]), []))
    runs, document = str(tmp_path / "runs.jsonl"), tmp_path / "rules.json"
    run("export", "--all", "-o", runs)
    assert run("rules", "learn", runs, "-o", str(document)).code == 0
    learned = json.loads(document.read_text())
    assert learned["rules"] == []
    assert "The only run did not fail" in learned["why_none"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("nonsense", "not JSON"),
        ("[]", "not a document of rules"),
        ('{"rules": [], "version": 99}', "version 99"),
        ('{"rules": [{}], "version": 1}', "rule 1"),
        (
            '{"rules": [{"conditions": [{"what": "calls", "at_least": "x"}]}], "version": 1}',
            "rule 1",
        ),
    ],
)
def test_a_bad_document_is_a_sentence(run: Any, tmp_path: Path, content: str, reason: str) -> None:
    """What can't be read as rules is said, with exit code 2."""
    document, runs = tmp_path / "rules.json", tmp_path / "runs.jsonl"
    document.write_text(content)
    runs.write_text("")
    found = run("rules", "match", str(document), str(runs))
    assert (found.code, found.out) == (2, "")
    assert reason in found.err


def test_a_bad_line_is_named(run: Any, tmp_path: Path) -> None:
    """A line of runs that can't be read is told by its number."""
    runs = tmp_path / "runs.jsonl"
    runs.write_text("{}\n")
    found = run("rules", "learn", str(runs), "-o", str(tmp_path / "rules.json"))
    assert found.code == 2
    assert "line 1" in found.err
