"""`claude-code`: printed for a shell, or written into Claude Code's settings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clustertrace.claude_code.environment import CONTENT


@pytest.fixture
def settings() -> Path:
    """Where Claude Code's settings stand, which there are none of yet."""
    return Path.home() / ".claude" / "settings.json"


def test_a_shell_runs_what_is_printed(run: Any) -> None:
    """The shell ends up with these variables; what to do with them is said aside."""
    ran = run("claude-code", "--shell", "bash", "--port", "7800")
    script = ran.out + 'echo "$OTEL_EXPORTER_OTLP_ENDPOINT $CLAUDE_CODE_ENHANCED_TELEMETRY_BETA"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "http://localhost:7800 1\n"
    assert ran.code == 0
    assert 'eval "$(clustertrace claude-code --port 7800)"' in ran.err


def test_what_to_type_has_the_options_that_were_given(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever types what is said aside gets what was printed."""
    assert 'eval "$(clustertrace claude-code)"' in run("claude-code", "--shell", "zsh").err
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    line = 'eval "$(clustertrace claude-code --content --shell zsh)"'
    assert line in run("claude-code", "--shell", "zsh", "--content").err
    ran = run("claude-code", "--shell", "fish", "--content", "--protocol", "grpc")
    assert "claude-code --shell fish --content --protocol grpc | source" in ran.err


def test_grpc_goes_to_its_own_port(run: Any) -> None:
    """OTLP/gRPC goes to its usual port, unless another is named."""
    answer = run("claude-code", "--protocol", "grpc", "--json").answer["variables"]
    assert answer["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc"
    assert answer["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://localhost:4317"
    answer = run("claude-code", "--protocol", "grpc", "--port", "4400", "--json").answer[
        "variables"
    ]
    assert answer["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://localhost:4400"


def test_the_users_shell_is_known(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SHELL says which one; others than the four are taken for bash's like."""
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert run("claude-code").out.startswith("set -gx CLAUDE_CODE_ENABLE_TELEMETRY '1'\n")
    monkeypatch.setenv("SHELL", "/bin/dash")
    assert run("claude-code").out.startswith("export CLAUDE_CODE_ENABLE_TELEMETRY=1\n")


def test_writing_keeps_all_else(run: Any, settings: Path) -> None:
    """Other keys stay byte for byte; a value that is replaced is told, and the backup."""
    endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
    before = f'{{\n\t"model" : "opus",\n\t"env": {{"{endpoint}": "http://corp", "A":"1"}}\n}}'
    settings.parent.mkdir()
    settings.write_text(before)
    ran = run("claude-code", "--write")
    after = settings.read_text()
    assert after.startswith(before.partition('"http://corp"')[0])
    assert '"A":"1", "CLAUDE_CODE_ENABLE_TELEMETRY": "1"' in after
    assert json.loads(after)["env"][endpoint] == "http://localhost:7777"
    assert "was 'http://corp', and is 'http://localhost:7777' now" in ran.err
    [backup] = settings.parent.glob("settings.json.backup-*")
    assert backup.read_text() == before
    assert str(backup) in ran.err
    assert run("claude-code", "--write").out.endswith("makes Claude Code report here already.\n")
    assert settings.read_text() == after


def test_content_goes_as_it_came(run: Any, settings: Path) -> None:
    """Written without --content, the switches of an earlier --content are taken out."""
    run("claude-code", "--write", "--content")
    assert set(CONTENT) <= set(json.loads(settings.read_text())["env"])
    ran = run("claude-code", "--write")
    assert not set(CONTENT) & set(json.loads(settings.read_text())["env"])
    assert "OTEL_LOG_USER_PROMPTS was '1', and is gone now" in ran.err


def test_another_place_for_settings(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CLAUDE_CONFIG_DIR moves them, as it does for Claude Code."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    answer = run("claude-code", "--write", "--json").answer
    assert answer["settings"] == str(tmp_path / "elsewhere" / "settings.json")
    assert (answer["changed"], answer["backup"], answer["replaced"]) == (True, None, {})
    assert json.loads(Path(answer["settings"]).read_text()) == {"env": answer["variables"]}


@pytest.mark.parametrize("text", ["{", '{"env": []}', "[]"])
def test_broken_settings_are_one_sentence(run: Any, settings: Path, text: str) -> None:
    """Settings that can't be read are named in one sentence, and left as they are."""
    settings.parent.mkdir()
    settings.write_text(text)
    ran = run("claude-code", "--write")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert str(settings) in ran.err
    assert settings.read_text() == text


def test_what_wins_over_it_is_named(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal's own address would send it elsewhere."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://corp")
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set and overrides" in run("claude-code").err
