"""What makes Claude Code report, and how shells set it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from clustertrace.claude_code.environment import (
    CONTENT,
    Protocol,
    Shell,
    overriding,
    shell_lines,
    variables,
)

HOSTILE = "a'b\"c $HOME `id` \\ \\' end"


def test_all_three_signals_are_sent_to_us() -> None:
    """Traces with the switch without which there are none, logs and metrics, no content."""
    assert variables("http://localhost:7777", Protocol.JSON, content=False) == {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:7777",
    }


def test_content_is_sent_when_it_is_asked_for() -> None:
    """Every switch of content, and only then."""
    bare = variables("http://localhost:7777", Protocol.PROTOBUF, content=False)
    full = variables("http://localhost:7777", Protocol.PROTOBUF, content=True)
    assert set(full) - set(bare) == set(CONTENT)


def test_a_signals_own_address_wins_over_ours() -> None:
    """Such variables are named; the general ones are ours to set."""
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://elsewhere",
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://elsewhere",
    }
    assert overriding(environment) == [
        "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ]


@pytest.mark.parametrize("shell", [Shell.BASH, Shell.ZSH, Shell.FISH])
def test_the_shell_sets_just_that(shell: Shell) -> None:
    """Quotes, dollars and backslashes arrive as they are."""
    program = shutil.which(shell.value)
    if program is None:
        pytest.skip(f"needs {shell.value}")
    script = "\n".join([*shell_lines({"NAME": HOSTILE}, shell), 'printf %s "$NAME"'])
    done = subprocess.run([program, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (HOSTILE, "")


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        (Shell.ZSH, "export A='it'\"'\"'s'"),
        (Shell.FISH, r"set -gx A 'it\'s'"),
        (Shell.POWERSHELL, "$env:A = 'it''s'"),
    ],
)
def test_each_shell_has_its_words(shell: Shell, line: str) -> None:
    """Variables are written as each shell takes them, also one that this machine lacks."""
    assert shell_lines({"A": "it's"}, shell) == [line]
