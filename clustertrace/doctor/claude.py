"""Whether Claude Code's settings lead its spans here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from clustertrace.claude_code.environment import Protocol, overriding
from clustertrace.claude_code.hook import Found
from clustertrace.doctor.findings import Finding

__all__ = ["hook", "reports_here", "telemetry"]

_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_TOPIC: Final = "Claude Code"


def reports_here(told: Mapping[str, str], port: int) -> bool:
    """Whether sessions with these variables report to this machine's port."""
    return _true(told, "CLAUDE_CODE_ENABLE_TELEMETRY") and _address(told) == ("localhost", port)


def telemetry(told: Mapping[str, str], port: int) -> Finding:
    """What sessions with these variables report, and where to."""
    write = f"`clustertrace claude-code{'' if port == 7777 else f' --port {port}'} --write`"
    if not _true(told, "CLAUDE_CODE_ENABLE_TELEMETRY"):
        return Finding(_TOPIC, "note", "It does not report.", f"{write}, if it should")
    if stronger := overriding(told):
        names = ", ".join(stronger)
        return Finding(_TOPIC, "wrong", f"{names} sends a signal elsewhere.", "unset it")
    if not reports_here(told, port):
        where = told.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "nowhere in particular"
        return Finding(_TOPIC, "wrong", f"It reports to {where}, not to port {port} here.", write)
    if told.get("OTEL_EXPORTER_OTLP_PROTOCOL", Protocol.PROTOBUF) not in list(Protocol):
        protocol = told["OTEL_EXPORTER_OTLP_PROTOCOL"]
        return Finding(_TOPIC, "wrong", f"It speaks {protocol}, which this port does not.", write)
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
    return Finding(_TOPIC, "ok", f"It reports spans and logs to port {port}.")


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


def _address(told: Mapping[str, str]) -> tuple[str, int | None] | None:
    """Host and port that are reported to; every name of this machine is `localhost`."""
    try:
        parts = urlsplit(told.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        port = parts.port
    except ValueError:
        return None
    return ("localhost" if parts.hostname in _HERE else str(parts.hostname), port)
