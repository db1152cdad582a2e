"""Whether Claude Code's settings send its spans here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from clustertrace.claude_code.environment import Protocol, overriding, reporting
from clustertrace.claude_code.hook import Found
from clustertrace.claude_code.starting import PORT
from clustertrace.doctor.findings import Finding
from clustertrace.record.config import without_login

__all__ = ["as_managed", "hook", "reports_here", "telemetry"]

_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_TOPIC: Final = "Claude Code"


def reports_here(variables: Mapping[str, str], port: int, grpc: int | None) -> bool:
    """Whether sessions with these variables report to this machine's port, or its gRPC port."""
    wanted = grpc if _protocol_of(variables) == Protocol.GRPC else port
    return _is_true(variables, "CLAUDE_CODE_ENABLE_TELEMETRY") and _address_of(variables) == (
        "localhost",
        wanted,
    )


def telemetry(variables: Mapping[str, str], port: int, grpc: int | None = None) -> Finding:
    """What sessions with these variables report, and where to; `grpc` is the open gRPC port."""
    command = f"`clustertrace claude-code{'' if port == PORT else f' --port {port}'} --write`"
    if not _is_true(variables, "CLAUDE_CODE_ENABLE_TELEMETRY"):
        return Finding(_TOPIC, "note", "It does not report.", f"{command}, if it should")
    if overrides := overriding(variables):
        names = ", ".join(overrides)
        return Finding(_TOPIC, "wrong", f"{names} sends a signal elsewhere.", "unset it")
    if _protocol_of(variables) not in list(Protocol):
        return Finding(
            _TOPIC, "wrong", f"It speaks {_protocol_of(variables)}, which does not exist.", command
        )
    if _protocol_of(variables) == Protocol.GRPC and grpc is None:
        return Finding(
            _TOPIC,
            "wrong",
            "It speaks gRPC, which no receiver here accepts now.",
            f"{command}, or `pip install 'clustertrace[grpc]'` and restart the receiver",
        )
    if not reports_here(variables, port, grpc):
        address, _ = without_login(variables.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        target = address or "nowhere in particular"
        return Finding(
            _TOPIC, "wrong", f"It reports to {target}, not to port {port} here.", command
        )
    if not _sends_traces(variables):
        return Finding(
            _TOPIC,
            "wrong",
            "It sends no spans, silently: the beta switch for traces is missing.",
            command,
        )
    if variables.get("OTEL_TRACES_EXPORTER") != "otlp":
        return Finding(_TOPIC, "wrong", "OTEL_TRACES_EXPORTER is not otlp: no spans.", command)
    if variables.get("OTEL_LOGS_EXPORTER") != "otlp":
        return Finding(
            _TOPIC, "note", "OTEL_LOGS_EXPORTER is not otlp: costs are our estimates.", command
        )
    _, reported_port = _address_of(variables) or ("", port)
    return Finding(_TOPIC, "ok", f"It reports spans and logs to port {reported_port}.")


def as_managed(finding: Finding, managed: Mapping[str, str], folder: Path) -> Finding:
    """The finding of `telemetry`, with who can fix it if managed settings take precedence."""
    managed_names = reporting(managed)
    if finding.state == "ok" or not managed_names:
        return finding
    return finding._replace(
        sentence=f"{finding.sentence} Managed settings set {', '.join(managed_names)}, and win.",
        advice=f"ask who manages this machine about {folder}",
    )


def hook(status: Found) -> Finding:
    """The hook that starts the receiver."""
    sentence = status.sentence[:1].upper() + status.sentence[1:]
    if status.works:
        return Finding("hook", "ok", sentence)
    return Finding("hook", "wrong" if status.events else "note", sentence)


def _sends_traces(variables: Mapping[str, str]) -> bool:
    names = ("CLAUDE_CODE_ENHANCED_TELEMETRY_BETA", "ENABLE_ENHANCED_TELEMETRY_BETA")
    return any(_is_true(variables, name) for name in names)


def _is_true(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(name, "").strip().lower() in _TRUE


def _protocol_of(variables: Mapping[str, str]) -> str:
    return variables.get("OTEL_EXPORTER_OTLP_PROTOCOL") or Protocol.PROTOBUF


def _address_of(variables: Mapping[str, str]) -> tuple[str, int | None] | None:
    """Host and port of the endpoint, with `localhost` for every name of this machine."""
    try:
        parts = urlsplit(variables.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        port = parts.port
    except ValueError:
        return None
    return ("localhost" if parts.hostname in _HERE else str(parts.hostname), port)
