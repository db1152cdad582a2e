"""Tests that are written from failing runs, and run."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from clustertrace.cli import main

AGENT = """\
import clustertrace


@clustertrace.trace(kind="tool")
def search(query):
    return {answer}


@clustertrace.trace(kind="agent")
def run(question):
    for attempt in range({attempts}):
        found = search(f"{{question}} \\"\\"\\" {{attempt}}")
        if found:
            return found
    raise LookupError("nothing found")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose agent has failed once."""
    (tmp_path / "failing_agent.py").write_text(AGENT.format(answer="[]", attempts=3))
    monkeypatch.chdir(tmp_path)
    code = "import failing_agent\ntry: failing_agent.run('why')\nexcept LookupError: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    return tmp_path


def repro(folder: Path, *options: str, entry: str = "failing_agent:run") -> int:
    """What `repro` returns for the newest trace; imports of the project are forgotten again."""
    from clustertrace.store import Store, queries

    with Store.open() as store:
        store.refresh()
        with store.read() as conn:
            newest = queries.latest(conn)
    file = [] if "-o" in options or "--json" in options else ["-o", "test_it.py"]
    try:
        return main(["repro", newest, "--entry", entry, *file, *options])
    finally:
        sys.modules.pop("failing_agent", None)
        if str(folder) in sys.path:
            sys.path.remove(str(folder))


def passes(folder: Path) -> bool:
    """Whether the file that was written passes, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode in (0, 1), run.stdout + run.stderr
    return run.returncode == 0


def test_fails_until_mended(folder: Path) -> None:
    """The test fails today, and passes when the agent no longer fails in this way."""
    assert repro(folder) == 0
    assert not passes(folder)
    (folder / "failing_agent.py").write_text(AGENT.format(answer="[]", attempts=1))
    assert passes(folder)


def test_stubs_hold_the_tools(folder: Path) -> None:
    """A tool that works again does not hide the fault: it answers as it was recorded."""
    assert repro(folder) == 0
    (folder / "failing_agent.py").write_text(AGENT.format(answer="['found']", attempts=3))
    assert not passes(folder)


def test_an_expected_failure_fails_once_mended(folder: Path) -> None:
    """With --expect-failure it passes today, and fails once the agent is mended."""
    assert repro(folder, "--expect-failure") == 0
    assert passes(folder)
    (folder / "failing_agent.py").write_text(AGENT.format(answer="[]", attempts=1))
    assert not passes(folder)


def test_negative_mode_is_another_name_of_expect_failure(folder: Path) -> None:
    """`--mode negative` is another name of --expect-failure, and `--mode positive` of its lack."""
    assert repro(folder, "--mode", "negative") == 0
    assert passes(folder)
    assert repro(folder, "--mode", "positive") == 0
    assert not passes(folder)


def test_without_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The test goes to standard output, and nothing else does."""
    assert repro(folder, "-o", "-") == 0
    printed = capsys.readouterr()
    (folder / "test_it.py").write_text(printed.out)
    assert not passes(folder)
    assert "It made 3 calls" not in printed.out
    assert "failed" in printed.err


def test_a_run_that_did_not_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused with exit code 1 and what to do if it was wrong; its failure can be said."""
    code = "import failing_agent; failing_agent.search('why')"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert repro(folder, entry="failing_agent:search") == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "The run did not fail, so there is nothing to test." in printed
    assert not (folder / "test_it.py").exists()
    assert repro(folder, "--json", entry="failing_agent:search") == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["fails_as_recorded"], answer["test"]) == (False, None)
    assert main(shlex.split(printed.partition("say so first: clustertrace ")[2])) == 0
    assert repro(folder, entry="failing_agent:search") == 0


def test_an_argument_that_was_not_recorded(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An argument that was not recorded is asked for; one that is given stands in the test."""
    (folder / "failing_agent.py").write_text(
        AGENT.format(answer="[]", attempts=3).replace('"agent")', '"agent", skip="question")')
    )
    code = "import failing_agent\ntry: failing_agent.run('why')\nexcept LookupError: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert repro(folder) == 2
    assert "give it with --set question=VALUE" in " ".join(capsys.readouterr().err.split())
    assert repro(folder, "--set", "question=why") == 0
    assert not passes(folder)
    assert '"question": "why"' in (folder / "test_it.py").read_text()


def test_a_file_that_cannot_be_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that can't be written is told in a sentence, with exit code 2."""
    assert repro(folder, "-o", "nowhere/test_it.py") == 2
    assert "nowhere/test_it.py can't be written" in capsys.readouterr().err


def test_nothing_to_test(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the run does not fail any more, nothing is written, and it says so."""
    (folder / "failing_agent.py").write_text(AGENT.format(answer="[]", attempts=1))
    assert repro(folder) == 1
    assert not (folder / "test_it.py").exists()
    assert "does not fail here as recorded" in capsys.readouterr().out
