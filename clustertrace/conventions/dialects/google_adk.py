"""Google's Agent Development Kit: OpenTelemetry GenAI; before, `gcp.vertex.agent.*` with content.

https://google.github.io/adk-docs/observability/. Its LiteLLM models are named with their vendor,
`openai/gpt-4o-mini`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.readers import parsed, text
from clustertrace.conventions.usage import usage

__all__ = ["GOOGLE_ADK"]

_ADK: Final = "gcp.vertex.agent."


def _request_fields(value: Any) -> Iterator[tuple[Field, Any]]:
    request = parsed(value)
    if isinstance(request, Mapping):
        yield Field.KIND, "llm"
        yield Field.MODEL, text(request.get("model"))
        yield Field.INPUT, request.get("contents") or None


def _response_fields(value: Any) -> Iterator[tuple[Field, Any]]:
    response = parsed(value)
    if isinstance(response, Mapping):
        yield Field.OUTPUT, response.get("content") or None
        yield Field.FINISH_REASON, text(response.get("finish_reason"))
        yield from usage(response.get("usage_metadata"))


GOOGLE_ADK: Final = Dialect(
    title="Google ADK",
    known_by="`gcp.vertex.agent.*`",
    keys={
        Field.BARE_INPUT: (_ADK + "tool_call_args",),
        Field.BARE_OUTPUT: (_ADK + "tool_response",),
        Field.SESSION: (_ADK + "session_id",),
    },
    composites={_ADK + "llm_request": _request_fields, _ADK + "llm_response": _response_fields},
)
