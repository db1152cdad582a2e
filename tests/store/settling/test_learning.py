"""Traits beside each finished run: worked out once, kept right, and enough to learn rules from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clustertrace.filters import parse
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.patterns import traits as traits_module
from clustertrace.patterns.conditions import case_of
from clustertrace.patterns.rules import mine
from clustertrace.patterns.sentences import TAG_CAVEAT, nothing_words, rule_words, tags_note
from clustertrace.store import Store, queries
from clustertrace.store.settling import traits as noting
from clustertrace.store.upkeep.backfill import backfill_signatures
from clustertrace.store.user_entries.annotations import PatternEdit, annotate_pattern

Make = Callable[..., list[Span]]


def fill(store: Store, make: Make, runs: int = 60) -> None:
    """Store runs of which those that search four times failed."""
    for number in range(1, runs + 1):
        loops = number % 3 == 0
        tools = ["search"] * 4 if loops else ["search", "cite"]
        facts = TraceFacts(f"{number:032x}", outcome="fail" if loops else "pass", session_id=None)
        store.write(Batch(make(number, *tools), [facts]))
    store.refresh()


def expect_failures(store: Store) -> None:
    """Say of the one pattern with failures that they are expected."""
    with store.read() as conn:
        [failing] = [c for c in queries.clusters(conn).clusters if c.failed]
    annotate_pattern(store, failing.id, PatternEdit(expected=True))


def test_rules_from_traits_are_those_from_spans(store: Store, make_trace: Make) -> None:
    """What is kept of each run gives the same rules as its spans, with the newest failed runs."""
    fill(store, make_trace)
    with store.read() as conn:
        learned = queries.learned(conn, 1000)
        cases = [case_of(t.spans, t.failed, t.session_id) for t in queries.export(conn)]
    direct = mine(cases)
    assert learned.mined.rules == direct.rules
    assert learned.mined.tried == direct.tried
    assert learned.samples[0] == tuple(f"{number:032x}" for number in (60, 57, 54, 51, 48))


def test_how_even_a_few_runs_were_cut_short_is_known(store: Store, make_trace: Make) -> None:
    """A step is held against no run that could not come to it, and against all others."""

    def write(number: int, *tools: str, failed: bool = False, error: bool = False) -> None:
        spans = make_trace(number, *tools, failed=error)
        if tools[-1] == "fetch" and error:
            spans[-1] = spans[-1]._replace(status="error")
        outcome = "fail" if failed or error else "pass"
        store.write(Batch(spans, [TraceFacts(f"{number:032x}", outcome=outcome)]))

    for number in range(1, 61):
        write(number, "start", "plan", "fetch a", "fetch b", "fetch c", "cite")
    for number in range(61, 67):
        write(number, "start", "plan", failed=True)
    for number in range(67, 70):
        write(number, "start", "plan", "fetch", error=True)
    for number in range(70, 79):
        write(number, "plan", f"fetch {'abc'[number % 3]}", error=True)
    store.refresh()
    with store.read() as conn:
        learned = queries.learned(conn, 1000)
        cases = [case_of(t.spans, t.failed, t.session_id) for t in queries.export(conn)]
    direct = mine(cases)
    assert (learned.mined.rules, learned.mined.tried) == (direct.rules, direct.tried)
    never_called = [rule_words(rule) for rule in direct.rules if "never called" in rule_words(rule)]
    assert not any("`cite`" in sentence for sentence in never_called)
    assert any(sentence.startswith("`start` never called: 9 of 9") for sentence in never_called)


def test_only_the_newest_runs_are_learned_from(store: Store, make_trace: Make) -> None:
    """The limit counts finished runs, newest first; an empty database has nothing to say."""
    with store.read() as conn:
        assert queries.learned(conn, 10).mined.runs == 0
    fill(store, make_trace, 12)
    with store.read() as conn:
        mined = queries.learned(conn, 5).mined
    assert (mined.runs, mined.failed) == (5, 2)


def test_expected_failures_explain_nothing(store: Store, make_trace: Make) -> None:
    """Runs that failed as expected are neither failures nor successes, unless a filter says so."""
    fill(store, make_trace)
    expect_failures(store)
    with store.read() as conn:
        left_out = queries.learned(conn, 1000)
        asked_for = queries.learned(conn, 1000, parse("failed:yes or failed:no"))
    assert (left_out.mined.runs, left_out.mined.failed, left_out.expected) == (40, 0, 20)
    assert (asked_for.mined.runs, asked_for.mined.failed, asked_for.expected) == (60, 20, 0)
    assert asked_for.mined.rules
    sentence = nothing_words(left_out.mined, left_out.expected)
    assert sentence == "Only runs failed whose failures are expected (20): nothing to explain."


def test_whose_runs_fail_is_learned_from_their_tags(store: Store, make_trace: Make) -> None:
    """A tag that failing goes along with is a rule of its own; a label of failures is none."""
    for number in range(1, 81):
        failing = number % 4 == 0
        is_acme = failing or number % 20 == 1
        tags = {"customer": "acme" if is_acme else f"customer {number % 4}", "run": str(number)}
        tags |= {"failure": "bad"} if failing else {}
        outcome = "fail" if failing else "pass"
        facts = TraceFacts(f"{number:032x}", outcome=outcome, session_id=None, tags=tags)
        store.write(Batch(make_trace(number, "search"), [facts]))
    store.refresh()
    with store.read() as conn:
        assert queries.learned(conn, 1000).mined.rules == ()
        learned = queries.learned_of_tags(conn, 1000)
        only_some = queries.learned_of_tags(conn, 10)
        filtered = queries.learned_of_tags(conn, 1000, parse('not tag.customer:"customer 1"'))
    (rule,) = learned.mined.rules
    sentence = "The tag `customer` is `acme`: 20 of 24 failed (83 %; 25 % of all runs)."
    assert rule_words(rule) == sentence
    assert learned.samples[0][0] == f"{80:032x}"
    assert learned.mined.runs == 80
    assert only_some.mined.runs == 10
    assert filtered.mined.runs == 64
    assert tags_note(learned.mined).endswith(TAG_CAVEAT)


def test_expected_failures_are_left_out_of_tags_too(store: Store, make_trace: Make) -> None:
    """Also runs without any tag are counted, and nothing is said where nothing was asked."""
    fill(store, make_trace)
    expect_failures(store)
    with store.read() as conn:
        learned = queries.learned_of_tags(conn, 1000)
    assert (learned.mined.runs, learned.expected, learned.mined.tried) == (40, 20, 0)
    assert tags_note(learned.mined) == ""


def test_a_running_run_has_no_traits_yet(store: Store, make_trace: Make) -> None:
    """Traits are worked out when a run has ended, and again when it has news."""
    head, *steps = make_trace(1, "search")
    store.write(Batch([head._replace(status="running", end_ns=None), *steps], []))
    store.refresh()
    with store.read() as conn:
        assert queries.runs_noted(conn) == 0
    store.write(Batch([head], []))
    store.refresh()
    with store.read() as conn:
        assert queries.runs_noted(conn) == 1
        before = conn.value("SELECT traits FROM trace_traits")
    store.write(Batch(make_trace(1, "search", "cite")[2:], []))
    store.refresh()
    with store.read() as conn:
        assert queries.runs_noted(conn) == 2
        assert len(conn.value("SELECT traits FROM trace_traits")) > len(before)


def test_a_slice_is_no_longer_than_it_may(
    store: Store, make_trace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are taken by number and by spans; one that is longer than a slice goes alone."""
    for number in range(1, 5):
        store.write(Batch(make_trace(number, "search", "cite"), []))
    store.settle(everything=True)
    assert store.note_traits(limit=1) == 1
    monkeypatch.setattr(noting, "_SPAN_LIMIT", 2)
    assert [store.note_traits() for _ in range(4)] == [1, 1, 1, 0]


def test_traits_of_another_version_do_not_count(
    store: Store, make_trace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer algorithm starts from nothing until the runs are worked out anew."""
    fill(store, make_trace, 3)
    for module in (noting, traits_module):
        monkeypatch.setattr(module, "VERSION", 99)
    monkeypatch.setattr("clustertrace.store.queries.learning.VERSION", 99)
    with store.read() as conn:
        assert queries.learned(conn, 10).mined.runs == 0
    backfill_signatures(store)
    with store.read() as conn:
        assert queries.learned(conn, 10).mined.runs == 3
