"""`assert` and `check` from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clustertrace.cli import main
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store

Capture = pytest.CaptureFixture[str]


pytestmark = pytest.mark.usefixtures("demo")


@pytest.fixture
def worst(capsys: Capture) -> str:
    """The pattern with most failures."""
    capsys.readouterr()
    main(["clusters", "--json"])
    return str(json.loads(capsys.readouterr().out)["clusters"][0]["id"])


def test_the_exit_code_says_whether_assertions_hold(worst: str, capsys: Capture) -> None:
    """What was asserted is tested; the exit code says whether it holds."""
    assert main(["assert", "all", "--success-rate-above", "0.6", "--json"]) == 0
    assert main(["check"]) == 0
    assert main(["assert", worst[:6], "--success-rate-above", "0.5", "--over-last", "30d"]) == 0
    capsys.readouterr()
    assert main(["check", "--format", "json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert [result["passed"] for result in answer["results"]] == [True, False]
    assert answer["results"][1]["pattern"] == worst


def test_same_again_replaces(worst: str, capsys: Capture) -> None:
    """Asserting the same of a pattern with another bound leaves one assertion."""
    for bound in ("0.2", "0.1"):
        assert main(["assert", worst, "--success-rate-above", bound]) == 0
    capsys.readouterr()
    main(["assert", "list", "--json"])
    (assertion,) = json.loads(capsys.readouterr().out)["assertions"]
    assert assertion["bound"] == 0.1
    assert main(["assert", "remove", assertion["id"]]) == 0
    assert main(["assert", "remove", assertion["id"]]) == 2
    capsys.readouterr()
    assert main(["assert", "remove"]) == 2
    assert "Say which assertion to remove" in capsys.readouterr().err


def test_nothing_asserted() -> None:
    """A gate that holds nothing does not pass."""
    assert main(["check"]) == 1


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["assert", "all"], "Say what must be true"),
        (["assert", "zzzz", "--cost-below", "1"], "There is no pattern zzzz"),
        (["assert", "all"], "success-rate-above, latency-p95-below, cost-below or no-new-traces."),
        (["assert", "all", "--latency-p95-below", "soon"], "latency-p95-below expects a time"),
        (["assert", "all", "--cost-below", "1", "--over-last", "-3"], "expects a time"),
        (["assert", "all", "--cost-below", "1", "--over-last", "9" * 30], "at most 9 digits"),
    ],
)
def test_wrong_use(command: list[str], sentence: str, capsys: Capture) -> None:
    """What makes no sense is said in a sentence."""
    assert main(command) == 2
    assert sentence in capsys.readouterr().err


def test_new_failing_pattern(capsys: Capture) -> None:
    """A failing pattern that came after the last check is told, and may fail the gate."""
    main(["assert", "all", "--cost-below", "1"])
    assert main(["check", "--fail-on-new"]) == 0
    with Store.open() as store:
        start = 2 * 10**18
        span = Span("e" * 32, "e" * 16, None, "newcomer", "agent", "error", start, start + 1)
        store.write(Batch([span], [TraceFacts("e" * 32)]))
        store.refresh()
    capsys.readouterr()
    assert main(["check", "--fail-on-new"]) == 1
    assert "New since the last check: newcomer" in capsys.readouterr().out


def test_a_failing_pattern_is_new_whenever_its_run_began(capsys: Capture) -> None:
    """A run that began before the last check, and came in after it, is told; a second time not."""
    main(["assert", "all", "--cost-below", "1"])
    main(["check"])
    with Store.open() as store:
        span = Span("e" * 32, "e" * 16, None, "late", "agent", "error", 10**18, 10**18 + 1)
        store.write(Batch([span], [TraceFacts("e" * 32)]))
        store.refresh()
    capsys.readouterr()
    assert main(["check", "--fail-on-new"]) == 1
    assert "New since the last check: late" in capsys.readouterr().out
    assert main(["check", "--fail-on-new"]) == 0


def test_a_run_under_way_at_a_check_makes_nothing_known(capsys: Capture) -> None:
    """What it fails with later is new, though its steps were there already."""
    main(["assert", "all", "--cost-below", "1"])
    running = Span("e" * 32, "e" * 16, None, "slow", "agent", "running", 10**18, None)
    ended = running._replace(status="error", end_ns=10**18 + 5)
    for span, code in ((running, 0), (ended, 1)):
        with Store.open() as store:
            store.write(Batch([span], []))
            store.refresh()
        assert main(["check", "--fail-on-new"]) == code
    assert "New since the last check: slow" in capsys.readouterr().out


def test_reports_go_to_the_file_that_is_named_or_to_githubs_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """JUnit goes to a file, GitHub's summary to where its jobs look for it."""
    main(["assert", "all", "--cost-below", "1"])
    file, summary = tmp_path / "check.xml", tmp_path / "summary.md"
    assert main(["check", "--format", "junit", "-o", str(file)]) == 0
    assert file.read_text().startswith("<?xml")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    capsys.readouterr()
    assert main(["check", "--format", "github"]) == 0
    assert capsys.readouterr().out == ""
    assert "| ✅ | all |" in summary.read_text("utf-8")
