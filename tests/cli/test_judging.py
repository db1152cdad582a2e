"""`judge` from end to end, with a model that costs nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clustertrace.asking import models
from clustertrace.asking.models import Answer
from clustertrace.cli import main
from clustertrace.errors import ModelError
from clustertrace.store import Store, queries

Capture = pytest.CaptureFixture[str]


class Scripted:
    """Answers from a list, again and again."""

    name = "claude-haiku-4-5"

    def __init__(self, *answers: str) -> None:
        self._answers, self.asked = answers, 0

    def ask(self, system: str, prompt: str, max_tokens: int) -> Answer:
        self.asked += 1
        return Answer(self._answers[(self.asked - 1) % len(self._answers)], 100, 10, 0.001)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Put a scripted model where the command looks for one."""
    scripted = Scripted('{"verdict": "pass", "reason": "fine"}', "I can't say.")
    monkeypatch.setattr(models, "model_of", lambda name: scripted)
    return scripted


pytestmark = pytest.mark.usefixtures("demo")


def json_of(capsys: Capture, *command: str) -> Any:
    capsys.readouterr()
    assert main([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_verdicts_are_kept(model: Scripted, capsys: Capture) -> None:
    """A verdict becomes a metric; an answer without one stores nothing."""
    answer = json_of(capsys, "judge", "--samples", "6", "--rubric", "Is it fine?")
    assert [one["verdict"] for one in answer["verdicts"]] == ["pass", None] * 3
    with Store.open() as store, store.read() as conn:
        metrics = [queries.trace(conn, one["trace_id"]).metrics[-1:] for one in answer["verdicts"]]
    kept = [bool(found) and found[0].name == "judge" for found in metrics]
    assert kept == [True, False] * 3


def test_no_verdict_at_all(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Where no answer held a verdict, the exit code says so."""
    monkeypatch.setattr(models, "model_of", lambda name: Scripted("It depends."))
    assert main(["judge", "--samples", "2"]) == 1
    assert capsys.readouterr().out.count("no verdict") == 2


def test_what_was_paid_for_is_told_before_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """What was judged and paid for before an error is told, and the error too."""

    class Failing(Scripted):
        def ask(self, system: str, prompt: str, max_tokens: int) -> Answer:
            if self.asked == 2:
                raise ModelError("asked too often")
            return super().ask(system, prompt, max_tokens)

    failing = Failing('{"verdict": "pass", "reason": "fine"}')
    monkeypatch.setattr(models, "model_of", lambda name: failing)
    assert main(["judge", "--samples", "5", "--json"]) == 2
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)["verdicts"]) == 2
    assert "asked too often" in printed.err


def test_set_outcome_leaves_the_users_own(model: Scripted, capsys: Capture) -> None:
    """With --set-outcome runs without one get it, and the user's own stay."""
    answer = json_of(capsys, "judge", "--samples", "60", "--set-outcome")
    with Store.open() as store:
        store.refresh()
        with store.read() as conn:
            for verdict in answer["verdicts"]:
                now = queries.trace(conn, verdict["trace_id"]).outcome
                expected = verdict["outcome"] or verdict["verdict"]
                assert now == expected


def test_dry_run(model: Scripted, capsys: Capture) -> None:
    """A dry run says what it would cost and asks nothing."""
    answer = json_of(capsys, "judge", "--dry-run")
    assert answer["planned"]["runs"] == 20
    assert answer["planned"]["usd"] > 0
    assert model.asked == 0


def test_without_a_key(capsys: Capture) -> None:
    """Without a key nothing is asked, nothing is stored, and it says what to set."""
    assert main(["judge", "--samples", "2"]) == 2
    assert "set ANTHROPIC_API_KEY" in capsys.readouterr().err
    with Store.open() as store, store.read() as conn:
        assert "judge" not in queries.metric_names(conn)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--rubric", " "], "The rubric is empty"),
        (["--rubric", "rubrik.md"], "There is no file rubrik.md"),
        (["--rubric", "./rubrics/strict"], "There is no file ./rubrics/strict"),
        (["--where", "name:nobody"], "No finished run matches"),
        (["--where", ""], "--where is empty"),
        (["--max-cost-usd", "inf"], "--max-cost-usd is a number of US dollars"),
        (["--max-cost-usd", "nan"], "invalid value for '--max-cost-usd'"),
        (["--model", "made-up-model"], "no known price"),
    ],
)
def test_wrong_use(options: list[str], sentence: str, capsys: Capture) -> None:
    """What can't be done is said before anything is asked."""
    assert main(["judge", *options]) == 2
    assert sentence in capsys.readouterr().err
