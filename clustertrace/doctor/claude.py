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


def reports_here(told: Mapping[str, str], port: int, grpc: int | None) -> bool:
    """Whether sessions with these variables report to this machine's port, or its gRPC port."""
    wanted = grpc if _protocol(told) == Protocol.GRPC else port
    return _true(told, "CLAUDE_CODE_ENABLE_TELEMETRY") and _address(told) == ("localhost", wanted)


def telemetry(told: Mapping[str, str], port: int, grpc: int | None = None) -> Finding:
    """What sessions with these variables report, and where to; `grpc`: where that is taken."""
    write = f"`clustertrace claude-code{'' if port == PORT else f' --port {port}'} --write`"
    if not _true(told, "CLAUDE_CODE_ENABLE_TELEMETRY"):
        return Finding(_TOPIC, "note", "It does not report.", f"{write}, if it should")
    if stronger := overriding(told):
        names = ", ".join(stronger)
        return Finding(_TOPIC, "wrong", f"{names} sends a signal elsewhere.", "unset it")
    if _protocol(told) not in list(Protocol):
        return Finding(
            _TOPIC, "wrong", f"It speaks {_protocol(told)}, which does not exist.", write
        )
    if _protocol(told) == Protocol.GRPC and grpc is None:
        return Finding(
            _TOPIC,
            "wrong",
            "It speaks gRPC, which no receiver here accepts now.",
            f"{write}, or `pip install 'clustertrace[grpc]'` and restart the receiver",
        )
    if not reports_here(told, port, grpc):
        address, _ = without_login(told.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        where = address or "nowhere in particular"
        return Finding(_TOPIC, "wrong", f"It reports to {where}, not to port {port} here.", write)
    if not _traces(told):
        return Finding(
            _TOPIC,
            "wrong",
            "It sends no spans, silently: the beta switch for traces is missing.",
            write,
        )
    if told.get("OTEL_TRACES_EXPORTER") != "otlp":
        return Finding(_TOPIC, "wrong", "OTEL_TRACES_EXPORTER is not otlp: no spans.", write)
    if told.get("OTEL_LOGS_EXPORTER") != "otlp":
        return Finding(
            _TOPIC, "note", "OTEL_LOGS_EXPORTER is not otlp: costs are our estimates.", write
        )
    _, there = _address(told) or ("", port)
    return Finding(_TOPIC, "ok", f"It reports spans and logs to port {there}.")


def as_managed(found: Finding, managed: Mapping[str, str], folder: Path) -> Finding:
    """What `telemetry` found, with who must mend it where managed settings have the last word."""
    decided = reporting(managed)
    if found.state == "ok" or not decided:
        return found
    return found._replace(
        sentence=f"{found.sentence} Managed settings set {', '.join(decided)}, and win.",
        advice=f"ask who manages this machine about {folder}",
    )


def hook(found: Found) -> Finding:
    """The hook that starts the receiver."""
    told = found.sentence[:1].upper() + found.sentence[1:]
    if found.works:
        return Finding("hook", "ok", told)
    return Finding("hook", "wrong" if found.events else "note", told)


def _traces(told: Mapping[str, str]) -> bool:
    names = ("CLAUDE_CODE_ENHANCED_TELEMETRY_BETA", "ENABLE_ENHANCED_TELEMETRY_BETA")
    return any(_true(told, name) for name in names)


def _true(told: Mapping[str, str], name: str) -> bool:
    return told.get(name, "").strip().lower() in _TRUE


def _protocol(told: Mapping[str, str]) -> str:
    return told.get("OTEL_EXPORTER_OTLP_PROTOCOL") or Protocol.PROTOBUF


def _address(told: Mapping[str, str]) -> tuple[str, int | None] | None:
    """Host and port that are reported to; every name of this machine is `localhost`."""
    try:
        parts = urlsplit(told.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        port = parts.port
    except ValueError:
        return None
    return ("localhost" if parts.hostname in _HERE else str(parts.hostname), port)
