"""Whether Claude Code's variables lead its spans here."""

from __future__ import annotations

from typing import Any

import pytest

from clustertrace.claude_code.environment import Protocol, variables
from clustertrace.doctor import claude

HERE = variables("http://localhost:7777", Protocol.PROTOBUF, content=False)


@pytest.mark.parametrize("protocol", [Protocol.PROTOBUF, Protocol.JSON])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_what_we_write_is_well(protocol: Protocol, host: str) -> None:
    """With either protocol, by every name of this machine, as long as the port is ours."""
    environment = variables(f"http://{host}:7800", protocol, content=True)
    assert claude.telemetry(environment, 7800).state == "ok"
    assert claude.telemetry(environment, 7801).state == "wrong"
    assert "--port 7801 --write" in str(claude.telemetry(environment, 7801).advice)


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({"CLAUDE_CODE_ENABLE_TELEMETRY": None}, "note", "does not report"),
        ({"CLAUDE_CODE_ENABLE_TELEMETRY": "0"}, "note", "does not report"),
        ({"CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": None}, "wrong", "no spans, silently"),
        ({"OTEL_TRACES_EXPORTER": None}, "wrong", "OTEL_TRACES_EXPORTER"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "wrong", "OTEL_TRACES_EXPORTER"),
        ({"OTEL_LOGS_EXPORTER": None}, "note", "our estimates"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": None}, "wrong", "nowhere"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://corp:4318"}, "wrong", "https://corp:4318"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:nonsense"}, "wrong", "nonsense"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "wrong", "no receiver here accepts"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier pigeon"}, "wrong", "carrier pigeon"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": None}, "ok", "reports"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, "wrong", "TRACES_ENDPOINT sends"),
        (
            {"CLAUDE_CODE_ENHANCED_TELEMETRY_BETA": None, "ENABLE_ENHANCED_TELEMETRY_BETA": "true"},
            "ok",
            "reports",
        ),
    ],
)
def test_what_is_missing_is_said(change: dict[str, Any], state: str, words: str) -> None:
    """Each mistake that silently costs spans, with what to type."""
    environment = {name: value for name, value in (HERE | change).items() if value is not None}
    found = claude.telemetry(environment, 7777)
    assert (found.state, words in found.sentence) == (state, True)
    assert bool(found.advice) == (state != "ok")


def test_grpc_has_a_port_of_its_own() -> None:
    """Well where the receiver takes it, and nowhere else."""
    environment = variables("http://localhost:4317", Protocol.GRPC, content=False)
    found = claude.telemetry(environment, 7777, 4317)
    assert (found.state, found.sentence) == ("ok", "It reports spans and logs to port 4317.")
    assert claude.telemetry(environment, 7777, 4318).state == "wrong"
    assert claude.telemetry(environment, 4317, None).state == "wrong"
