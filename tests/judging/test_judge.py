"""Judging: what is asked, what counts as a verdict, and that the budget holds."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.asking.models import Answer
from clustertrace.assembling import assembled
from clustertrace.errors import UsageError
from clustertrace.judging.judge import agreement, judged, plan
from clustertrace.judging.rubric import Verdict, prompt_of, verdict_of
from clustertrace.model import Span, Trace, TraceFacts
from clustertrace.patterns.statistics import cohen_kappa

MODEL = "claude-haiku-4-5"


class Scripted:
    """A model that says what it is told to."""

    name = MODEL

    def __init__(self, *answers: str, cost_usd: float | None = 0.001) -> None:
        self.answers = list(answers)
        self.cost_usd = cost_usd
        self.prompts: list[str] = []

    def ask(self, system: str, prompt: str, max_tokens: int) -> Answer:
        self.prompts.append(prompt)
        return Answer(self.answers.pop(0), 100, 10, self.cost_usd)


def run(number: int, outcome: str | None = None, **fields: Any) -> Trace:
    trace_id = f"{number:032x}"
    root = Span(trace_id, "1" * 16, None, "agent", "agent", "ok", 1, 9, "Why?", "Because.")
    step = Span(trace_id, "2" * 16, "1" * 16, "search", "tool", "error", 2, 3, {"q": "why"})
    return assembled(
        [root._replace(**fields), step._replace(error_message="timeout")],
        TraceFacts(trace_id, outcome=outcome),
    )


def reply(verdict: str) -> str:
    return json.dumps({"verdict": verdict, "reason": "so it is"})


def test_the_model_is_shown_rubric_steps_and_answer() -> None:
    """The model is shown the rubric, what was asked, each step, and what was answered."""
    prompt = prompt_of(run(1), "Names a source.")
    for part in ("Names a source.", "Why?", "Because.", 'search: {"q": "why"} -> error: timeout'):
        assert part in prompt


def test_long_runs_fit() -> None:
    """However long a run is, its prompt stays small, and says what it leaves out."""
    root = Span("1" * 32, "f" * 16, None, "agent", "agent", "ok", 1, 9, "x" * 10**6)
    steps = [
        Span("1" * 32, f"{n:016x}", "f" * 16, "step", "tool", "ok", 2, 3, "y" * 10**4)
        for n in range(1, 500)
    ]
    prompt = prompt_of(assembled([root, *steps], TraceFacts("1" * 32)), "r")
    assert len(prompt) < 50_000
    assert "439 steps left out" in prompt


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (reply("pass"), Verdict(True, "so it is")),
        (f"Sure!\n```json\n{reply('fail')}\n```", Verdict(False, "so it is")),
        ('{"verdict": "pass"}', Verdict(True, "")),
        ("It passes.", None),
        ('{"verdict": "maybe"}', None),
        ('{"verdict": true}', None),
        ("", None),
        ('{"verdict": "pass"', None),
    ],
)
def test_only_pass_or_fail_is_a_verdict(answer: str, verdict: Verdict | None) -> None:
    """Only what names pass or fail is a verdict."""
    assert verdict_of(answer) == verdict


@given(st.text())
def test_any_answer(answer: str) -> None:
    """Whatever a model says, reading it does no harm."""
    found = verdict_of(answer)
    assert found is None or isinstance(found.passed, bool)


def test_asking_stops_before_the_budget_is_passed() -> None:
    """Asking stops before the budget could be passed, by what was really spent."""
    model = Scripted(*[reply("pass")] * 20, cost_usd=0.0015)
    found = list(judged(model, [run(n) for n in range(1, 21)], "r", 0.01))
    assert 4 <= len(found) <= 6
    assert sum(one.cost_usd for one in found) <= 0.01


def test_the_plan_holds_what_the_budget_allows() -> None:
    """The plan holds as many runs as the budget allows, and says how many it does not."""
    runs = [run(n) for n in range(1, 21)]
    plans = [plan(MODEL, runs, "r", budget) for budget in (0.0, 0.005, 1.0)]
    assert [one.runs + one.left_out for one in plans] == [20, 20, 20]
    assert all(before.runs < after.runs for before, after in pairwise(plans))
    assert plans[1].usd <= 0.005
    with pytest.raises(UsageError, match="no known price"):
        plan("made-up-model", runs, "r", 1.0)


def test_verdicts_are_compared_with_outcomes_where_both_are_known() -> None:
    """Verdicts are compared with outcomes where both are there."""
    outcomes = ["pass", "pass", "fail", "fail", None]
    model = Scripted(*map(reply, ["pass", "fail", "fail", "fail", "pass"]))
    found = agreement(list(judged(model, [run(n, o) for n, o in enumerate(outcomes, 1)], "r", 1.0)))
    assert (found.runs, found.same, found.kappa) == (4, 3, pytest.approx(0.5))


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_kappa_is_symmetric_and_at_most_1(pairs: list[tuple[bool, bool]]) -> None:
    """Kappa lies from -1 to 1, is 1 for perfect agreement, and does not mind who is first."""
    found = cohen_kappa(pairs)
    if found is None:
        return
    assert -1 <= found <= 1 + 1e-12
    assert found == pytest.approx(cohen_kappa([(b, a) for a, b in pairs]))
    assert (found == pytest.approx(1)) == all(a == b for a, b in pairs)


def test_kappa_by_hand() -> None:
    """Cohen's measure on a table that is worked out in textbooks: 20, 5, 10, 15 give 0.4."""
    pairs = [
        *([(True, True)] * 20),
        *([(True, False)] * 5),
        *([(False, True)] * 10),
        *([(False, False)] * 15),
    ]
    assert cohen_kappa(pairs) == pytest.approx(0.4)
