"""Strands Agents: OpenTelemetry GenAI with the content in span events.

https://strandsagents.com/latest/documentation/docs/user-guide/observability-evaluation/traces/
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.readers import milliseconds, true_for

__all__ = ["STRANDS"]

STRANDS: Final = Dialect(
    title="Strands Agents",
    known_by="scopes `strands*`",
    scopes=("strands",),
    keys={
        Field.FAILED: ("gen_ai.tool.status",),
        Field.FIRST_TOKEN_SECONDS: ("gen_ai.server.time_to_first_token",),
    },
    readers={
        "gen_ai.tool.status": true_for("error", "failed"),
        "gen_ai.server.time_to_first_token": milliseconds,
    },
)
