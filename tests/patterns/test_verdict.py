"""Before against after: a real change is seen, a changed mix is not taken for one."""

from __future__ import annotations

import random

import pytest

from clustertrace.patterns.verdict import Side, verdict, verdict_words


def test_a_real_improvement_is_one() -> None:
    """40 % against 15 % over a hundred runs each is called improved, with its interval."""
    found = verdict({"a": Side(40, 100)}, {"a": Side(15, 100)})
    assert found.word == "improved"
    assert found.difference == pytest.approx(-0.25)
    assert found.interval.low < -0.25 < found.interval.high < 0
    assert verdict_words(found, "tag.task").startswith("Improved. 40 of 100 failed before (40 %)")


def test_a_worsening_is_said_too() -> None:
    """The other way round it is called worse."""
    assert verdict({"a": Side(15, 100)}, {"a": Side(40, 100)}).word == "worse"


def test_few_runs_are_no_evidence_and_say_what_they_could_show() -> None:
    """Three of ten against one of ten proves nothing; the smallest visible change is told."""
    found = verdict({"a": Side(3, 10)}, {"a": Side(1, 10)})
    assert found.word == "no evidence"
    assert found.smallest is not None
    assert 0.3 < found.smallest < 0.8
    assert "would usually show a change of" in verdict_words(found, "tag.task")


def test_a_changed_mix_cannot_fake_a_win() -> None:
    """More easy tasks after the change lower the overall rate and mean nothing."""
    before = {"easy": Side(1, 10), "hard": Side(45, 90)}
    after = {"easy": Side(9, 90), "hard": Side(5, 10)}
    found = verdict(before, after)
    assert found.after.rate < found.before.rate / 2
    assert found.word == "no evidence"


def test_without_common_groups_there_is_nothing_to_compare() -> None:
    """Different tasks before and after can't be compared, and the words say so."""
    found = verdict({"a": Side(5, 9)}, {"b": Side(0, 9)})
    assert (found.word, found.strata, found.smallest) == ("no evidence", 0, None)
    assert "no task has finished runs both before and after" in verdict_words(found, "tag.task")


def test_a_side_without_runs_is_named() -> None:
    """A filter that matches nothing is told as that, not as names that do not meet."""
    found = verdict({}, {"b": Side(0, 9)})
    sentence = verdict_words(found, "tag.task")
    assert sentence == "No evidence: there are no finished runs before with a known task."
    assert verdict_words(found, "name") == "No evidence: there are no finished runs before."
    assert verdict_words(found, "tag.name").endswith("no finished runs before with a known name.")


def test_the_smallest_change_is_what_such_numbers_show() -> None:
    """A change of the size told is found about four times out of five."""
    rng = random.Random(1)
    strata = {f"t{n}": Side(0, 20) for n in range(10)}
    assert strata
    size = verdict(
        {name: Side(8, 20) for name in strata}, {name: Side(8, 20) for name in strata}
    ).smallest
    assert size is not None

    def drawn(rate: float) -> dict[str, Side]:
        return {n: Side(sum(rng.random() < rate for _ in range(20)), 20) for n in strata}

    found = sum(
        verdict(drawn(0.4 + size / 2), drawn(0.4 - size / 2)).word == "improved" for _ in range(300)
    )
    assert 0.7 < found / 300 < 0.9


def test_three_against_three_show_nothing() -> None:
    """Three failed of three before and none of three after may be chance; so may one of one."""
    found = verdict({"a": Side(3, 3)}, {"a": Side(0, 3)})
    assert (found.word, found.smallest) == ("no evidence", None)
    assert found.p == pytest.approx(0.1)
    assert verdict_words(found, "name").endswith("So few runs would hardly show any change.")


def test_what_hardly_shows_a_change_is_not_said_to_show_none() -> None:
    """Three runs against five show that all fail now, though not four changes of five."""
    found = verdict({"a": Side(0, 5)}, {"a": Side(0, 3)})
    assert found.smallest is None
    assert verdict_words(found, "name").endswith("So few runs would hardly show any change.")
    assert verdict({"a": Side(0, 5)}, {"a": Side(3, 3)}).word == "worse"


def test_what_few_runs_without_a_failure_could_show_is_not_little() -> None:
    """Ten runs without a failure on both sides would miss that a third of them fail."""
    found = verdict({"a": Side(0, 10)}, {"a": Side(0, 10)})
    assert found.interval.low < -0.25 < 0.25 < found.interval.high
    assert found.smallest is not None
    assert 0.5 < found.smallest < 0.7


def test_a_verdict_of_few_runs_cries_wolf_as_seldom_as_it_says() -> None:
    """Where nothing changed, at most one in twenty is called a change."""
    rng = random.Random(2)

    def drawn(runs: int, strata: int) -> dict[str, Side]:
        return {
            str(n): Side(sum(rng.random() < 0.5 for _ in range(runs)), runs) for n in range(strata)
        }

    for runs, strata in ((5, 1), (3, 2), (1, 30)):
        called = sum(
            verdict(drawn(runs, strata), drawn(runs, strata)).word != "no evidence"
            for _ in range(600)
        )
        assert called <= 30


def test_a_changed_mix_is_named_where_all_runs_seem_to_change() -> None:
    """Who sees 14 % before and 24 % after next to "improved" is told why."""
    before = {"easy": Side(8, 160), "hard": Side(20, 40)}
    after = {"easy": Side(0, 40), "hard": Side(48, 160)}
    found = verdict(before, after)
    assert found.word == "improved"
    sentence = verdict_words(found, "tag.task")
    assert sentence.endswith(
        " That all runs together changed by +10 points is due to another mix of tasks."
    )
    assert verdict_words(found, "tag.category").endswith("another mix of values of category.")
    alone = verdict_words(
        verdict(
            {"easy": Side(8, 100), "gone": Side(90, 100)},
            {"easy": Side(8, 100), "new": Side(2, 100)},
        ),
        "tag.task",
    )
    assert "another mix of tasks; 200 runs had none to compare with." in alone


def test_a_change_below_a_point_is_not_called_none() -> None:
    """Twenty thousand runs show less than a point, and which way it went is told."""
    worse = verdict_words(verdict({"a": Side(50, 10_000)}, {"a": Side(82, 10_000)}), "name")
    assert "changed by +0.3 points (95 % interval +0.1 to +0.5, " in worse
    same = verdict_words(verdict({"a": Side(2, 10_000)}, {"a": Side(2, 10_000)}), "name")
    assert same.endswith("would usually show a change of 0.1 points or more.")
