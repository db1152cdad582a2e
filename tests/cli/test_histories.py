"""`import --from claude-code` and `--from codex`: what is said, and with which exit code."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[1] / "transcripts" / "data"


def test_sessions_of_this_machine(run: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Found where Claude Code keeps them; a second import has nothing to read."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    shutil.copytree(DATA / "claude-code", tmp_path / "claude" / "projects")
    ran = run("import", "--from", "claude-code")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (
        "21 turns with 67 spans added from 15 sessions; 0 files of 16 had nothing new, "
        "0 bad lines.\n"
    )
    answer = run("import", "--from", "claude-code", "--json").answer
    assert (answer["turns"], answer["unchanged"], answer["unreadable"]) == (0, 16, [])
    assert run("stats", "--json").answer["traces"] == 21


def test_sessions_of_a_folder_and_a_file(run: Any) -> None:
    """A folder of sessions is read, and so is a single file."""
    [session_file] = (DATA / "claude-code").glob("*/cb1fbd26*.jsonl")
    assert run("import", "--from", "claude-code", session_file, "--json").answer["turns"] == 4
    assert run("import", "--from", "codex", "--file", DATA / "codex", "--json").answer["turns"] == 5


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_no_sessions(agent: str, run: Any, tmp_path: Path) -> None:
    """The answer is no, says where it looked, and no database is made."""
    ran = run("import", "--from", agent)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("There are no sessions of C")
    assert not (tmp_path / "traces.db").exists()
    wrong = run("import", "--from", agent, tmp_path / "nowhere")
    assert (wrong.code, wrong.out) == (2, "")
