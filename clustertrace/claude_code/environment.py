"""The variables that make Claude Code report, and the words in which each shell sets them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["CONTENT", "Protocol", "Shell", "overriding", "reporting", "shell_lines", "variables"]


class Protocol(StrEnum):
    """How OTLP travels."""

    PROTOBUF = "http/protobuf"
    JSON = "http/json"
    GRPC = "grpc"


class Shell(StrEnum):
    """A shell whose words for setting a variable are known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"


CONTENT: Final = (
    "OTEL_LOG_USER_PROMPTS",
    "OTEL_LOG_ASSISTANT_RESPONSES",
    "OTEL_LOG_TOOL_DETAILS",
    "OTEL_LOG_TOOL_CONTENT",
)
"""Switches for content: prompts, answers, and what tools are given and answer."""

_SIGNALS: Final = ("TRACES", "LOGS", "METRICS")


def variables(endpoint: str, protocol: Protocol, *, content: bool) -> dict[str, str]:
    """What turns on traces, logs and metrics towards `endpoint`, an address without a path.

    Without the beta switch Claude Code sends no spans, and does not say so. With `content`,
    prompts, answers, and the arguments and results of tools are sent too.
    """
    variables_to_set = {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": "1",
        **{f"OTEL_{signal}_EXPORTER": "otlp" for signal in _SIGNALS},
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol.value,
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
    }
    if content:
        variables_to_set |= dict.fromkeys(CONTENT, "1")
    return variables_to_set


def overriding(environment: Mapping[str, str]) -> list[str]:
    """Variables that win over those of `variables`, sorted: a signal's own address or protocol."""
    return sorted(
        name
        for signal in _SIGNALS
        for what in ("ENDPOINT", "PROTOCOL")
        if environment.get(name := f"OTEL_EXPORTER_OTLP_{signal}_{what}")
    )


def reporting(environment: Mapping[str, str]) -> list[str]:
    """Variables that say whether, what and where Claude Code reports, sorted; content aside."""
    ours = variables("", Protocol.PROTOBUF, content=False)
    return sorted({name for name in environment if name in ours} | set(overriding(environment)))


def shell_lines(to_set: Mapping[str, str], shell: Shell) -> list[str]:
    """One line a variable, ready for `eval`, or its like in that shell."""
    return [_line(name, value, shell) for name, value in to_set.items()]


def _line(name: str, value: str, shell: Shell) -> str:
    if shell is Shell.FISH:
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{escaped}'"
    if shell is Shell.POWERSHELL:
        doubled = value.replace("'", "''")
        return f"$env:{name} = '{doubled}'"
    return f"export {name}={shlex.quote(value)}"
