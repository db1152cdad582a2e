"""`claude-code-hook` and `ensure-dashboard` as users type them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clustertrace.claude_code import starting

THEIRS = '{ "hooks" : {"Stop":[{"hooks":[{"type":"command","command":"say done"}]}]}, "n": 1.0 }'


@pytest.fixture
def settings() -> Path:
    """Claude Code's settings with somebody else's hook."""
    path = Path.home() / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text(THEIRS)
    return path


def test_in_and_out_again(run: Any, settings: Path) -> None:
    """What was there is there, byte for byte, in between too; each change leaves a backup."""
    assert run("claude-code-hook", "status").code == 1
    ran = run("claude-code-hook", "install")
    assert (ran.code, ran.out) == (0, f"{settings} starts the receiver with every session.\n")
    assert "clustertrace claude-code --write" in ran.err
    text = settings.read_text()
    assert text.startswith(
        '{ "hooks" : {"Stop":[{"hooks":[{"type":"command","command":"say done"}]}]'
    )
    assert text.endswith(', "n": 1.0 }')
    assert run("claude-code-hook", "status").code == 0
    again = run("claude-code-hook", "install", "--json").answer
    assert again == {"settings": str(settings), "changed": False, "backup": None}
    assert settings.read_text() == text
    ran = run("claude-code-hook", "uninstall", "--json")
    assert ran.answer["changed"]
    assert Path(ran.answer["backup"]).read_text() == text
    assert settings.read_text() == THEIRS
    assert run("claude-code-hook", "uninstall").out == f"{settings} does not have the hook.\n"


def test_it_runs_this_python(run: Any, settings: Path) -> None:
    """By its absolute path, with the port and the patience that were asked for."""
    run("claude-code-hook", "install", "--port", "7900", "--idle-shutdown-minutes", "30")
    found = run("claude-code-hook", "status", "--json").answer
    assert found["python"] == sys.executable
    assert "--port 7900 --idle-shutdown-minutes 30 " in found["command"]
    assert (found["works"], found["events"]) == (True, ["SessionStart", "UserPromptSubmit"])


def test_the_database_is_there_for_the_first_session(
    run: Any, settings: Path, tmp_path: Path
) -> None:
    """Or the user hears at once why there can't be one, and has no hook that leads nowhere."""
    run("claude-code-hook", "install", "--db", tmp_path / "new.db")
    assert (tmp_path / "new.db").exists()
    before = settings.read_text()
    for url in ("postgresql://me:hunter2@localhost/x", "postgresql://h/x?user=me&password=hunter2"):
        ran = run("claude-code-hook", "install", "--db", url)
        assert (ran.code, "CLUSTERTRACE_DB" in ran.err, "hunter2" in ran.err) == (2, True, False)
    ran = run("claude-code-hook", "install", "--db", settings / "impossible.db")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert settings.read_text() == before


def test_reporting_needs_no_hint_where_it_is_on(run: Any, settings: Path) -> None:
    """The hook and the variables are two things; the second is named only where it is missing."""
    run("claude-code", "--write")
    assert "--write" not in run("claude-code-hook", "install").err
    assert "hooks" in json.loads(settings.read_text())


def test_broken_settings_are_one_sentence(run: Any, settings: Path) -> None:
    """Settings that can't be read are named in one sentence, and left as they are."""
    settings.write_text("{")
    for what in ("install", "uninstall", "status"):
        ran = run("claude-code-hook", what)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert str(settings) in ran.err
    assert settings.read_text() == "{"


def test_alone_it_shows_its_help(run: Any) -> None:
    """`claude-code-hook` without a word of its own shows its help."""
    ran = run("claude-code-hook")
    assert (ran.code, ran.err) == (0, "")
    assert "uninstall" in ran.out


@pytest.mark.parametrize("form", [["--port", "7901"], ["--port=7901"]])
def test_the_dashboard_is_ensured(
    run: Any, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    """Both ways to spell an option lead to the same, silently."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(starting, "ensure", lambda **options: asked.append(options))
    ran = run("ensure-dashboard", *form)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert [options["port"] for options in asked] == [7901]


def test_ensuring_loads_no_library() -> None:
    """`ensure-dashboard`, which every session waits for, loads no third-party library."""
    program = (
        "import sys; from clustertrace.claude_code import starting; starting.ensure = dict; "
        "from clustertrace.cli import main; main(['ensure-dashboard']); "
        "sys.exit('typer' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_wrong_use_is_told(run: Any) -> None:
    """What it does not understand is a mistake like any other."""
    ran = run("ensure-dashboard", "--port", "x")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
