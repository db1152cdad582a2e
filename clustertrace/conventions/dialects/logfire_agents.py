"""Logfire's instrumentation of the OpenAI Agents SDK, which tells kinds by its templates alone.

https://logfire.pydantic.dev/docs/integrations/llms/openai/#openai-agents. A span's own name is its
attribute `name`, its error a JSON object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.readers import parsed, text
from clustertrace.conventions.usage import usage

__all__ = ["LOGFIRE_AGENTS"]


def _error(value: Any) -> str | None:
    """What went wrong, and why: `{"message": …, "data": {"error": …}}`."""
    error = parsed(value)
    if not isinstance(error, Mapping):
        return text(error)
    data = error.get("data")
    why = data.get("error") if isinstance(data, Mapping) else None
    return ": ".join(part for part in (text(error.get("message")), text(why)) if part) or None


LOGFIRE_AGENTS: Final = Dialect(
    title="Logfire, of the OpenAI Agents SDK",
    known_by="scopes `logfire.openai_agents`",
    scopes=("logfire.openai_agents",),
    keys={
        Field.NAME: ("name",),
        Field.BARE_INPUT: ("input", "raw_input"),
        Field.BARE_OUTPUT: ("output", "response"),
        Field.ERROR_MESSAGE: ("error",),
        Field.SESSION: ("group_id",),
    },
    kinds=[
        (
            "logfire.msg_template",
            {
                "agent run: {name!r}": "agent",
                "function: {name}": "tool",
                "guardrail {name!r} {triggered=}": "guardrail",
                "chat completion with {gen_ai.request.model!r}": "llm",
                "responses api with {gen_ai.request.model!r}": "llm",
            },
        )
    ],
    readers={"error": _error},
    composites={"usage": lambda value: usage(value, own=False)},
)
