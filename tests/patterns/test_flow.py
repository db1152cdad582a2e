"""How runs flow and where they fail, from patterns and their counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.patterns.fingerprints import fingerprint, groups
from clustertrace.patterns.flow import (
    END,
    NONE_BROKE,
    NONE_TELLING,
    START,
    PatternRuns,
    common_prefix,
    edges,
    first_failures,
    step_rates,
)
from clustertrace.patterns.signature import Step


def step(name: str, count: str = "1", kind: str = "tool") -> Step:
    plain = name.removesuffix("!")
    return Step((plain,), (name.endswith("!"),), (kind,), count)


def pattern(*steps: Step, runs: int = 10, failed: int = 0) -> PatternRuns:
    return PatternRuns("p", "agent", steps, runs, failed)


def test_a_step_has_its_runs_those_that_broke_and_those_that_failed() -> None:
    """Runs that took a step, runs in which it broke, and how many of them failed in the end."""
    rates = step_rates(
        [pattern(step("a"), step("b!"), runs=4, failed=3), pattern(step("a"), step("b"), runs=6)]
    )
    assert [(rate.name, rate.runs, rate.broke, rate.failed) for rate in rates] == [
        ("b", 10, 4, 3),
        ("a", 10, 0, 3),
    ]


def test_agents_are_not_counted_twice() -> None:
    """An agent whose step broke is not broken once more; one that broke alone is."""
    inner = pattern(step("helper!", kind="agent"), step("fetch!"), runs=5, failed=5)
    alone = pattern(step("helper!", kind="agent"), runs=2, failed=2)
    broke = {rate.name: rate.broke for rate in step_rates([inner, alone])}
    assert broke == {"fetch": 5, "helper": 2}


def test_first_failures() -> None:
    """The first broken step of failed runs, by position; position 0 where none broke."""
    found = first_failures(
        [
            pattern(step("a"), step("b!"), step("c!"), runs=5, failed=4),
            pattern(step("a"), runs=9, failed=2),
            pattern(step("b!"), runs=3, failed=0),
        ]
    )
    assert [(one.place, one.name, one.runs) for one in found] == [
        (0, "no step broke", 2),
        (2, "b", 4),
    ]


def test_repeated_steps_lead_back_to_themselves() -> None:
    """Ways between steps with their runs; repeats go back to themselves."""
    found = {
        (edge.source, edge.target): (edge.runs, edge.failed)
        for edge in edges(
            [pattern(step("a", "2-3"), step("b"), runs=6, failed=6), pattern(step("a"), runs=4)]
        )
    }
    assert found == {
        (START, "a"): (10, 6),
        ("a", "a"): (6, 6),
        ("a", "b"): (6, 6),
        ("b", END): (6, 6),
        ("a", END): (4, 0),
    }


def test_edges_are_tested() -> None:
    """A way on which all failures lie is significant, one that everybody takes is not."""
    found = {edge.target: edge.p for edge in edges([
        pattern(step("bad"), runs=10, failed=10), pattern(step("good"), runs=30)
    ]) if edge.source == START}  # fmt: skip
    assert found["bad"] < 1e-6
    assert found["good"] == pytest.approx(1)


def test_the_common_prefix_is_what_all_paths_begin_with() -> None:
    """The common prefix is what all paths begin with."""
    paths = [[step("a"), step("b!"), step("c")], [step("a"), step("b!")], [step("a"), step("b!")]]
    assert common_prefix(paths) == ("a", "b!")
    assert common_prefix([[step("a")], [step("b")]]) == ()
    assert common_prefix([]) == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("no answer in 200 ms", "no answer in 5000 ms"),
        ("can't open '/tmp/a.txt'", "can't open '/home/me/b.txt'"),
        ("GET https://a.example/x failed", "GET http://b.example/?q=2 failed"),
        ('order "A-1" is unknown', 'order "B-7" is unknown'),
        ("run 3f2a91bc0d11 is gone", "run 77aa91bc0d12 is gone"),
    ],
)
def test_same_message(one: str, other: str) -> None:
    """What differs from run to run does not tell messages apart."""
    assert fingerprint(one) == fingerprint(other)


def test_other_message() -> None:
    """Messages with other words are different messages."""
    assert fingerprint("no answer") != fingerprint("wrong answer")


def test_a_long_message_is_shown_in_part() -> None:
    """A page lists messages, and some of them are a whole log."""
    (group,) = groups([("no answer " * 5_000, "a" * 32)])
    assert group.example == "no answer " * 19 + "no answer…"


@pytest.mark.parametrize(
    ("message", "phrase"),
    [
        ("6 searches made, and the question is open", "searches made, and the question is open"),
        ("tool 'x' failed after 30 s: no answer came", "s: no answer came"),
        ("one two three four five six seven eight nine", "one two three four five six seven eight"),
        ("42", ""),
    ],
)
def test_what_messages_share(message: str, phrase: str) -> None:
    """The longest run of words without what differs from run to run can be searched for."""
    (group,) = groups([(message, "a" * 32)])
    assert group.phrase == phrase


@given(st.lists(st.tuples(st.text(), st.uuids().map(str)), max_size=30))
def test_groups_lose_nothing(messages: list[tuple[str, str]]) -> None:
    """Grouping counts every message exactly once."""
    assert sum(group.runs for group in groups(messages)) == len(messages)


def test_what_a_retry_made_good_is_not_where_runs_broke() -> None:
    """A step that fails often and then works is told apart from the one that ends runs."""
    retried = pattern(step("fetch!"), step("fetch"), step("parse"), runs=60)
    broke = pattern(step("fetch!"), step("fetch"), step("parse!"), runs=8, failed=8)
    at_once = pattern(step("fetch"), step("parse!"), runs=17, failed=17)
    rates = step_rates([retried, broke, at_once])
    assert {rate.name: (rate.broke, rate.broke_for_good) for rate in rates} == {
        "fetch": (68, 0),
        "parse": (25, 25),
    }
    first = first_failures([retried, broke, at_once])
    assert [(one.place, one.name, one.runs) for one in first] == [(2, "parse", 17), (3, "parse", 8)]
    only_retried = first_failures([pattern(step("fetch!"), step("fetch"), runs=3, failed=3)])
    assert [(one.place, one.name) for one in only_retried] == [(1, "fetch")]


def test_an_error_that_other_runs_have_as_often_is_not_where_runs_broke() -> None:
    """It is told which runs broke at another step, and which at none that would tell something."""
    ping = step("ping!")
    runs = [
        pattern(ping, step("load"), runs=95),
        pattern(step("load"), runs=5),
        pattern(ping, step("load"), runs=12, failed=12),
        pattern(ping, step("load!"), runs=9, failed=9),
        pattern(step("ping"), runs=2, failed=2),
    ]
    found = [(one.place, one.name, one.runs) for one in first_failures(runs)]
    assert found == [(0, NONE_BROKE, 2), (0, NONE_TELLING, 12), (2, "load", 9)]
    rates = {rate.name: (rate.broke, rate.harmless) for rate in step_rates(runs)}
    assert rates == {"ping": (116, 95), "load": (9, 0)}
    elsewhere = [PatternRuns("q", "other", (ping,), 7, 7), *runs]
    assert (1, "ping", 7) in [(one.place, one.name, one.runs) for one in first_failures(elsewhere)]


def test_an_error_that_makes_runs_fail_more_often_is_where_they_broke() -> None:
    """Also if most runs get over it."""
    runs = [
        pattern(step("load!"), runs=100, failed=40),
        pattern(step("load"), runs=100, failed=10),
    ]
    assert [(one.name, one.runs) for one in first_failures(runs)] == [
        (NONE_BROKE, 10),
        ("load", 40),
    ]


def test_an_agent_breaks_by_itself_where_its_step_worked_again() -> None:
    """It is what ended the run, and the first to break; its step's error was made good."""
    runs = [pattern(step("helper!", kind="agent"), step("fetch!"), step("fetch"), failed=10)]
    assert [first.name for first in first_failures(runs)] == ["helper"]
    rates = {rate.name: (rate.broke, rate.broke_for_good) for rate in step_rates(runs)}
    assert rates == {"helper": (10, 10), "fetch": (10, 0)}


def test_the_first_to_break_is_the_step_inside_an_agent() -> None:
    """An agent whose own step broke is not the first step that broke."""
    (first,) = first_failures(
        [pattern(step("helper!", kind="agent"), step("look"), step("read!"), runs=5, failed=5)]
    )
    assert (first.place, first.name) == (3, "read")


def test_a_step_of_several_agents_may_break_in_one() -> None:
    """Which agent's runs a step breaks in is said where others take it too."""
    alpha = PatternRuns("p", "alpha", (step("search!"),), 5, 5)
    beta = PatternRuns("q", "beta", (step("search"),), 5, 0)
    assert [rate.only_in for rate in step_rates([alpha, beta])] == ["alpha"]
    assert [rate.only_in for rate in step_rates([alpha])] == [None]
