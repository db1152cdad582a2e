"""`mcp install`: the entry in each editor's settings, and everything else as it was."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from clustertrace.cli.program import main

FILES = {
    "claude-code": (".claude.json", "mcpServers"),
    "cursor": (".cursor/mcp.json", "mcpServers"),
    "continue": (".continue/mcpServers/clustertrace.json", "mcpServers"),
    "vscode": (".config/Code/User/mcp.json", "servers"),
    "windsurf": (".codeium/windsurf/mcp_config.json", "mcpServers"),
    "zed": (".config/zed/settings.json", "context_servers"),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of a user on Linux."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("CLUSTERTRACE_DB")
    return tmp_path / "home"


@pytest.mark.parametrize("target", FILES)
def test_a_new_file(home: Path, target: str) -> None:
    """Where there are no settings yet, the entry is all there is, and starts this Python."""
    assert main(["mcp", "install", "--target", target]) == 0
    path, key = FILES[target]
    entry = json.loads((home / path).read_text())[key]["clustertrace"]
    assert entry["command"] == sys.executable
    assert Path(entry["command"]).is_absolute()
    assert entry["args"] == ["-P", "-m", "clustertrace", "mcp"]


@pytest.mark.parametrize("target", FILES)
def test_others_stay(home: Path, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Other servers, other settings and their layout stay; a backup is left; twice is once."""
    path, key = FILES[target]
    file = home / path
    file.parent.mkdir(parents=True)
    before = json.dumps({"theme": "dark", key: {"other": {"command": "x"}}, "n": 1.50}, indent=4)
    file.write_text(before)
    assert main(["mcp", "install", "--target", target, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["changed"]
    assert Path(answer["backup"]).read_text() == before
    after = json.loads(file.read_text())
    assert set(after[key]) == {"other", "clustertrace"}
    del after[key]["clustertrace"]
    assert after == json.loads(before)
    assert '    "theme": "dark",' in file.read_text()
    written = file.read_bytes()
    assert main(["mcp", "install", "--target", target, "--json"]) == 0
    assert not json.loads(capsys.readouterr().out)["changed"]
    assert file.read_bytes() == written


def test_comments_stay(home: Path) -> None:
    """Settings with comments and last commas keep them."""
    file = home / ".config/zed/settings.json"
    file.parent.mkdir(parents=True)
    file.write_text('// mine\n{\n  "vim": true, /* "x": { */\n  "url": "http://a//b", // why\n}\n')
    assert main(["mcp", "install", "--target", "zed"]) == 0
    lines = file.read_text().splitlines()
    assert lines[:2] == ["// mine", "{"]
    assert '  "vim": true, /* "x": { */' in lines
    assert any("// why" in line for line in lines)
    assert '    "clustertrace": {' in lines


def test_an_older_entry_is_brought_up_to_date(home: Path) -> None:
    """Another Python is replaced; what the user added to the entry stays."""
    file = home / ".cursor/mcp.json"
    file.parent.mkdir(parents=True)
    old = {"command": "/gone/python", "args": ["mcp"], "env": {"CLUSTERTRACE_CAPTURE": "metadata"}}
    file.write_text(json.dumps({"mcpServers": {"clustertrace": old}}))
    assert main(["mcp", "install", "--target", "cursor", "--db", "runs.db"]) == 0
    entry = json.loads(file.read_text())["mcpServers"]["clustertrace"]
    assert entry["command"] == sys.executable
    assert entry["args"][-2:] == ["--db", str(Path.cwd() / "runs.db")]
    assert entry["env"] == old["env"]


def test_a_dry_run_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows the lines that would be added."""
    assert main(["mcp", "install", "--target", "cursor", "--dry-run"]) == 0
    assert '+    "clustertrace": {' in capsys.readouterr().out
    assert not home.exists()


def test_without_a_target(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The entry is printed for whoever puts it somewhere by hand."""
    assert main(["mcp", "install", "--db", "/data/runs.db"]) == 0
    printed = capsys.readouterr()
    entry = json.loads(printed.out)["mcpServers"]["clustertrace"]
    assert entry["args"][-2:] == ["--db", "/data/runs.db"]
    assert "claude-code, cursor, continue, vscode, windsurf, zed" in printed.err
    assert not home.exists()


def test_broken_settings_are_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no JSON is not touched; the line is told."""
    file = home / ".cursor/mcp.json"
    file.parent.mkdir(parents=True)
    file.write_text('{\n  "mcpServers": \n')
    assert main(["mcp", "install", "--target", "cursor"]) == 2
    assert "line 3" in capsys.readouterr().err
    assert file.read_text() == '{\n  "mcpServers": \n'
    assert len(list(file.parent.iterdir())) == 1


def test_a_password_stays_out_of_settings(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The server's command line can be read by every user; the variable can't."""
    url = "postgresql://me:hunter2@localhost/runs"
    assert main(["mcp", "install", "--target", "cursor", "--db", url]) == 0
    printed = capsys.readouterr()
    assert "hunter2" not in (home / ".cursor/mcp.json").read_text() + printed.out + printed.err
    assert "CLUSTERTRACE_DB" in printed.err
