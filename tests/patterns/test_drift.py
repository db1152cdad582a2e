"""Drift: what is planted is found, what is chance is not, small numbers are said."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import pytest

from clustertrace.patterns.drift import MOST_RUNS, Drift, Run, drift
from clustertrace.patterns.drift_words import change_words, drift_document, summary_words
from clustertrace.patterns.signature import Variant
from tests.patterns.test_families import steps

SECOND = 10**9


def runs(
    count: int,
    *,
    failed: int = 0,
    seconds: float = 1.0,
    cost: float | None = 0.01,
    session: str | None = None,
) -> list[Run]:
    """Make runs, the first `failed` of them failed; each a little slower than the one before."""
    return [
        Run(
            f"{count:016x}{at:016x}",
            at < failed,
            round((seconds + at / 1000) * SECOND),
            None if cost is None else cost + at / 10_000,
            session,
        )
        for at in range(count)
    ]


def found(changes: Drift) -> list[tuple[str, str]]:
    """Return the significant changes."""
    return [(change.pattern, change.what) for change in changes.changes if change.significant]


@pytest.mark.parametrize(
    ("before", "after", "what", "words"),
    [
        (
            runs(60, failed=3),
            runs(60, failed=30),
            "failure rate",
            "fails more: 5 % of 60 before, 50 % of 60",
        ),
        (runs(30), runs(30, cost=0.05), "cost", "dearer: median $0.0115 before, $0.0515"),
        (runs(30, seconds=3), runs(30), "duration", "faster: median 3.0 s before, 1.0 s"),
    ],
)
def test_a_planted_change_is_found(
    before: Sequence[Run], after: Sequence[Run], what: str, words: str
) -> None:
    """The measure that changed is told, and no other."""
    comparison = drift({"p": before}, {"p": after})
    assert found(comparison) == [("p", what)]
    (change,) = comparison.changes
    assert change_words(change).startswith(f"{words} (p ")
    assert summary_words(comparison).startswith("1 significant change")


def test_patterns_that_come_and_go_are_told() -> None:
    """New and gone patterns are told with how many runs they had, and a run to look at."""
    comparison = drift({"p": runs(40), "old": runs(20)}, {"p": runs(40), "new": runs(30)})
    assert sorted(found(comparison)) == [("new", "new"), ("old", "gone")]
    by = {change.what: change for change in comparison.changes}
    assert by["new"].sample == runs(30)[0].trace_id
    assert change_words(by["gone"]).startswith("gone: was 20 runs, 33.3 % (p ")


def test_a_single_new_run_may_be_chance() -> None:
    """A single new run is listed, and no evidence of drift."""
    comparison = drift({"p": runs(40)}, {"p": runs(40), "odd": runs(1)})
    assert found(comparison) == []
    (change,) = comparison.changes
    assert change.few
    assert change_words(change).endswith("may be chance)")
    assert summary_words(comparison).startswith("No evidence of drift")


def test_few_runs_are_said() -> None:
    """A change in a handful of runs is marked as such, and so is a small window."""
    comparison = drift({"p": runs(8)}, {"p": runs(8, failed=8)})
    assert change_words(comparison.changes[0]).endswith(", few runs)")
    assert "With 8 runs in a window, little can be said." in summary_words(comparison)


@pytest.mark.parametrize(
    ("before", "after"), [({}, {"p": runs(9)}), ({"p": runs(9)}, {}), ({}, {})]
)
def test_an_empty_window_is_told(before: dict[str, list[Run]], after: dict[str, list[Run]]) -> None:
    """There is nothing to compare, and nothing is new for that."""
    comparison = drift(before, after)
    assert comparison.changes == ()
    assert "has no finished runs" in summary_words(comparison)


def test_one_session_repeated_is_one_run() -> None:
    """Fifty failed runs of one conversation are one."""
    before = runs(30)
    after = runs(30) + runs(50, failed=50, session="x", seconds=9, cost=1)
    assert found(drift({"p": before}, {"p": after})) == []


def test_shares_are_of_the_runs_that_are_counted() -> None:
    """Ten of twenty runs are half of them, though their session counts once in the test."""
    comparison = drift({"p": runs(10)}, {"p": runs(10), "q": runs(10, session="x")})
    [new] = [change for change in comparison.changes if change.what == "new"]
    assert change_words(new).startswith("new: 10 runs, 50 % of all (")
    assert not new.significant


def test_a_change_that_a_few_long_sessions_make_is_no_evidence() -> None:
    """Where most sessions fail less, one session of many failures is no sign of failing more."""
    before = [*runs(20, failed=20), *runs(60, session="x")]
    after = [*runs(21), *runs(61, failed=61, session="y")]
    comparison = drift({"p": before}, {"p": after})
    assert found(comparison) == []
    assert comparison.significant == 0
    talkative = {"p": runs(60, session="x"), "q": runs(40)}
    assert found(drift(talkative, {"p": runs(20), "q": runs(40)})) == []


def test_a_change_beside_the_median_is_told_as_such() -> None:
    """Runs that cost more while the median stays are not called cheaper."""

    def priced(name: str, odd: float) -> list[Run]:
        return [Run(f"{name}{at}", False, SECOND, odd if at % 8 > 4 else 1.0) for at in range(80)]

    [change] = drift({"p": priced("b", 0.5)}, {"p": priced("a", 2.0)}).changes
    words = change_words(change)
    assert words == "cost differs in part: median $1.00 before and after (p <0.0001, q <0.0001)"


def test_unknown_prices_are_not_compared() -> None:
    """Runs whose cost nobody knows say nothing about cost."""
    comparison = drift({"p": runs(30, cost=None)}, {"p": runs(30, cost=5.0)})
    assert found(comparison) == []


def test_the_same_is_no_drift() -> None:
    """None failing, all failing, one giant pattern, all singletons: nothing changed."""
    for window in (
        {"p": runs(50)},
        {"p": runs(50, failed=50)},
        {f"p{at}": runs(1) for at in range(50)},
    ):
        comparison = drift(window, window)
        assert comparison.changes == ()
        assert comparison.overall is None
    window = {"p": alike(50, "a", failed=False)}
    assert summary_words(drift(window, window)).endswith("; 1 comparison, corrected together.")


def test_chance_is_no_drift() -> None:
    """Of fifty pairs of windows with the same chances, next to none has a significant change."""

    def window(rng: random.Random) -> dict[str, list[Run]]:
        made: dict[str, list[Run]] = {}
        for at in range(80):
            cost, took = rng.lognormvariate(0, 1), round(rng.lognormvariate(0, 1) * SECOND)
            run = Run(f"{at:032x}", rng.random() < 0.3, took, cost)
            made.setdefault(rng.choice("abcde"), []).append(run)
        return made

    drifted = [drift(window(rng := random.Random(seed)), window(rng)) for seed in range(50)]
    assert sum(bool(found(one)) for one in drifted) <= 6


def test_the_document_has_every_number() -> None:
    """What `--json` prints names the pattern and both windows."""
    comparison = drift({"p": runs(60, failed=3)}, {"p": runs(60, failed=30)})
    document = drift_document(comparison, {"p": Variant("p", "agent", steps("search*2-3 cite"))})
    assert document["before"] == {"runs": 60, "failed": 3}
    (change,) = document["changes"]
    assert (change["name"], change["steps"]) == ("agent", ["search ×2–3", "cite"])
    assert (change["before"], change["after"]) == (0.05, 0.5)
    assert change["significant"] is True
    assert document["overall"]["sentence"] == change["sentence"]
    assert document["significant"] == 2


def alike(count: int, name: str, *, failed: bool) -> list[Run]:
    """Make runs that differ in nothing but their ids."""
    return [Run(f"{name}{at}", failed, SECOND, 0.01) for at in range(count)]


def test_runs_that_break_more_often_are_drift_though_no_pattern_fails_more() -> None:
    """Runs that break are mostly a pattern of their own, which always failed."""
    comparison = drift(
        {"works": alike(95, "a", failed=False), "breaks": alike(5, "b", failed=True)},
        {"works": alike(60, "c", failed=False), "breaks": alike(40, "d", failed=True)},
    )
    assert sorted(found(comparison)) == [("breaks", "share"), ("works", "share")]
    words = {change.pattern: change_words(change) for change in comparison.changes}
    assert words["breaks"].startswith("more often: 5 % of all before (5 runs), 40 % (40 runs) (p ")
    sentence = summary_words(comparison)
    assert sentence.startswith("2 significant changes, and runs fail more in all: 5 of 100 runs")
    assert "40 of 100 after (p <0.0001, q <0.0001); " in sentence


def test_runs_that_all_differ_may_fail_more_too() -> None:
    """Where every run is a pattern by itself, only all of them together show it."""

    def window(name: str, failed: int) -> dict[str, list[Run]]:
        return {f"{name}{at}": alike(1, f"{name}{at}-", failed=at < failed) for at in range(100)}

    comparison = drift(window("b", 10), window("a", 60))
    assert found(comparison) == []
    assert comparison.significant == 1
    assert summary_words(comparison).startswith(
        "No significant change of a pattern, but runs fail more in all: 10 of 100 runs failed "
    )
    variants = {one.pattern: Variant(one.pattern, "a", ()) for one in comparison.changes}
    document = drift_document(comparison, variants)
    assert document["significant"] == 1
    assert document["overall"]["sentence"].startswith("fails more: 10 % of 100 before, 60 % of")
    unchanged = drift(window("b", 10), window("a", 12))
    assert summary_words(unchanged).startswith("No evidence of drift: ")
    assert unchanged.significant == 0


def test_windows_in_which_every_run_is_a_pattern_are_compared_at_once() -> None:
    """All runs are counted once, not once more for each pattern, which took 15 s here."""

    def window(name: str) -> dict[str, list[Run]]:
        return {f"{name}{at}": alike(1, f"{name}{at}-", failed=False) for at in range(2_000)}

    before, after = window("b"), window("a")
    started = time.process_time()
    assert drift(before, after).tried == 4_000
    assert time.process_time() - started < 3


def test_a_window_that_may_have_more_runs_says_which_count() -> None:
    """Twenty thousand runs are read of a window; of so many it says that they are the newest."""
    many, few = {"a": runs(MOST_RUNS, failed=2)}, {"a": runs(30)}
    said = summary_words(drift(many, few))
    assert "2 of the newest 20,000 runs failed before, 0 of 30 after" in said
    assert "0 of the newest 20,000 after" in summary_words(drift(few, {"a": runs(MOST_RUNS)}))
