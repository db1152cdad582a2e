"""`stats` and `clusters`: the numbers, in JSON and in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dirty_equals import IsApprox

from clustertrace.store import Store


@pytest.mark.usefixtures("filled")
def test_stats_as_json(run: Any) -> None:
    """Every number of the database, once."""
    ran = run("stats", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.answer == {
        "traces": 3,
        "failed": 2,
        "failed_by_outcome": 1,
        "failed_by_status": 1,
        "running": 0,
        "incomplete": 0,
        "spans": 15,
        "variants": 2,
        "sessions": 1,
        "llm_calls": 3,
        "unpriced_calls": 0,
        "input_tokens": 3600,
        "output_tokens": 240,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": IsApprox(0.0375),
        "first_ns": 1_760_000_060 * 10**9,
        "last_ns": 1_760_000_180 * 10**9,
        "replays": 0,
    }


@pytest.mark.usefixtures("filled")
def test_stats_in_words(run: Any) -> None:
    """A failure rate comes with its interval and with who said so."""
    out = run("stats").out
    assert "66.7 % of 3 finished (95 % interval: 20.8 % to 93.9 %)" in out
    assert "1 by outcome, 1 by an error of the root span" in out
    assert "$0.0375" in out


@pytest.mark.sqlite("a database that is not there")
def test_a_fresh_machine_has_no_traces(run: Any, tmp_path: Path) -> None:
    """Without a database the numbers are zero, people are told how to begin, and none is made."""
    ran = run("stats", "--json")
    assert ran.code == 0
    assert {value for value in ran.answer.values() if value is not None} == {0}
    ran = run("stats")
    assert (ran.code, ran.out) == (0, "")
    nowhere = f": there is no database at {tmp_path / 'traces.db'}. Run your agent"
    assert ran.err.startswith(f"There are no traces yet{nowhere}")
    assert run("stats", "--where", "status:ok", "--json").err == ran.err
    assert run("clusters", "--json").answer == {
        "clusters": [],
        "total": 0,
        "traces": 0,
        "failed": 0,
        "failed_as_expected": 0,
    }
    assert run("clusters").err.startswith(f"There are no patterns yet{nowhere}")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_has_no_traces(run: Any, store: Store) -> None:
    """People are told how to begin; a program gets its zeros and nothing else."""
    assert run("stats").err.startswith("There are no traces yet. Run your agent")
    assert run("clusters").err.startswith("There are no patterns yet. Run your agent")
    assert run("stats", "--where", "status:ok").err == "No trace matches.\n"
    assert run("stats", "--json").err == run("clusters", "--json").err == ""


@pytest.mark.usefixtures("filled")
def test_clusters_as_json(run: Any) -> None:
    """Patterns by failures, each with its steps as texts."""
    answer = run("clusters", "--json").answer
    assert (answer["total"], answer["traces"], answer["failed"]) == (2, 3, 2)
    broken, whole = answer["clusters"]
    assert broken["steps"] == ["search ×2–3", "fetch!"]
    assert whole["steps"] == ["search ×2–3", "fetch"]
    assert (broken["count"], broken["failed"], broken["failure_rate"]) == (1, 1, 1.0)
    assert (whole["count"], whole["failed"], whole["share_of_failures"]) == (2, 1, 0.5)
    assert broken["sample_trace_id"] == f"{2:032x}"
    assert whole["sample_trace_id"] == f"{3:032x}"
    low, high = whole["failure_rate_interval"]
    assert 0 < low < 0.5 < high < 1


@pytest.mark.usefixtures("filled")
def test_clusters_can_be_cut(run: Any) -> None:
    """--limit cuts the list; the totals still count all."""
    answer = run("clusters", "--limit", "1", "--json").answer
    assert len(answer["clusters"]) == 1
    assert (answer["total"], answer["failed"]) == (2, 2)


def test_the_sentence_is_about_all_patterns(run: Any, store: Any) -> None:
    """However few of them are shown."""
    from clustertrace.model import Batch, Span

    spans = [
        Span(f"{n:032x}", f"{n:016x}", None, "ab"[n % 2], "agent", "error", n, n + 1)
        for n in range(1, 5)
    ]
    store.write(Batch(spans, []))
    for few in (1, 2):
        out = run("clusters", "--limit", few).out
        assert out.startswith("2 patterns hold 4 of the 4 failures (100 %).")
        assert ("1 more pattern" in out) is (few == 1)


def test_all_clusters_come_as_json(run: Any, store: Any, tmp_path: Path) -> None:
    """JSON holds every pattern, however many a page of the query has."""
    from clustertrace.model import Batch, Span

    names = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(600)]
    spans = [
        Span(f"{n + 1:032x}", f"{n + 1:016x}", None, name, "agent", "ok", n + 1, n + 2)
        for n, name in enumerate(names)
    ]
    store.write(Batch(spans, []))
    answer = run("clusters", "--json").answer
    assert answer["total"] == len(set(names))
    assert {cluster["name"] for cluster in answer["clusters"]} == set(names)
    assert len(answer["clusters"]) == answer["total"]


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_clusters_in_words(run: Any, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """A sentence first, then the patterns, on any width of terminal."""
    monkeypatch.setenv("COLUMNS", columns)
    out = run("clusters").out
    assert out.startswith("2 traces failed, and no two of them in one pattern.")
    assert "search ×2–3 → fetch!" in " ".join(out.split())
    assert ("≈ p50" in out) == (columns == "200")
    filtered = run("clusters", "--where", "since:2020-01-01").out
    assert ("p50" in filtered) == (columns == "200")
    assert "≈" not in filtered
    for cluster in run("clusters", "--json").answer["clusters"]:
        assert (cluster["id"][:8] in out) == (columns != "60")
    assert all(len(line) <= int(columns) for line in out.splitlines())


@pytest.mark.usefixtures("filled")
def test_clusters_of_the_runs_that_match(run: Any) -> None:
    """`--where` counts only what a filter holds for, and says so where that is nothing."""
    page = run("clusters", "--where", "outcome:fail", "--json").answer
    assert (page["total"], page["traces"], page["failed"]) == (1, 1, 1)
    assert page["clusters"][0]["failed_by_outcome"] == 1
    assert page["clusters"][0]["family"]
    only = run("clusters", "--where", "outcome:fail").out
    assert only.startswith("The only finished trace that matches failed.")
    nothing = run("clusters", "--where", "name:nobody")
    assert (nothing.out, nothing.err) == ("", "No finished run matches.\n")
    wrong = run("clusters", "--where", "colour:red")
    assert (wrong.code, wrong.out) == (2, "")
