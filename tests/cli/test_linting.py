"""`lint`: drafts from files and standard input, levels, exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

GOOD = (
    "In `app/login.py`, make `check_password` return False for an empty password instead of "
    "raising `ValueError`, because the form shows a 500 today. Change only that function; done "
    "when `pytest tests/login` passes, for example for the user in `tests/data.json`."
)


def test_findings_are_one_document(run: Run) -> None:
    """--json prints the findings, and a medium one makes the exit code 1."""
    ran = run("lint", "-", "--json", given=b"Fix it.")
    assert ran.code == 1
    assert {one["rule"] for one in ran.answer["findings"]} >= {"vague-verb", "pronoun"}
    assert set(ran.answer["findings"][0]) == {
        *("rule", "level", "message", "suggestion", "start", "end")
    }


def test_a_good_prompt_passes(run: Run, tmp_path: Path) -> None:
    """Nothing at the level: exit code 0, and the good habits are named."""
    draft = tmp_path / "draft.md"
    draft.write_text(GOOD)
    ran = run("lint", draft)
    assert ran.code == 0
    assert "Good habits: name a file or a symbol" in ran.out


@pytest.mark.parametrize(("level", "code"), [("low", 1), ("medium", 0), ("high", 0)])
def test_the_level_decides_the_exit_code(run: Run, level: str, code: int) -> None:
    """A low finding fails at low only."""
    assert run("lint", "--fail-on", level, given=b"Perhaps explain tides.").code == code


def test_places_are_lines_and_columns_for_people(run: Run) -> None:
    """Offsets count characters after line ends of any kind, beyond the first plane too."""
    text = "🙂 Explain tides.\r\nMaybe the moon."
    ran = run("lint", "--json", given=text.encode())
    [found] = [one for one in ran.answer["findings"] if one["rule"] == "hedging"]
    assert text[found["start"] : found["end"]] == "Maybe"
    assert "2:1 low hedging" in run("lint", given=text.encode()).out


def test_other_languages_and_nothing_are_said(run: Run) -> None:
    """A note tells what was not looked at; the exit code is 0."""
    ran = run("lint", given="请修复错误".encode())
    assert (ran.code, ran.out) == (0, "")
    assert "for English only" in ran.err
    assert "There is no text." in run("lint", given=b"  ").err


def test_what_is_no_text_is_refused(run: Run) -> None:
    """A program or a picture by mistake is no prompt without faults."""
    ran = run("lint", "-", given=b"\x7fELF\0\0 maybe")
    assert (ran.code, "is not text" in ran.err) == (2, True)


def test_bytes_that_are_no_text_are_survived(run: Run) -> None:
    """What is no UTF-8 is read as far as it goes."""
    assert run("lint", "--json", given=b"\xff\xfe maybe the \xed\xa0\x80").code == 0


@pytest.mark.parametrize("wrong", [["nowhere.md"], ["--fail-on", "severe"]])
def test_wrong_use_is_a_sentence(run: Run, wrong: list[str]) -> None:
    """A missing file and an unknown level end with exit code 2."""
    ran = run("lint", *wrong)
    assert ran.code == 2
    assert ran.err.startswith("error: ")
