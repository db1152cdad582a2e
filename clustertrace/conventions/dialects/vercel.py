"""Vercel's AI SDK, versions 4 to 6 (`ai.*`). Version 7 speaks OpenTelemetry GenAI.

https://ai-sdk.dev/docs/ai-sdk-core/telemetry. The outer span of a call (`ai.generateText`) repeats
the totals of its model calls (`ai.generateText.doGenerate`).
"""

from __future__ import annotations

from typing import Any, Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.readers import milliseconds, parsed, provider
from clustertrace.conventions.usage import anthropic_metadata

__all__ = ["VERCEL"]

_USAGE: Final = "ai.usage."


def _vendor(value: Any) -> str | None:
    """The part before the first dot: `openai.responses`, `google.vertex.chat`."""
    name = provider(value)
    return name and name.partition(".")[0]


def _tools(value: Any) -> Any:
    """Each tool comes as JSON of its own."""
    tools = parsed(value)
    return [parsed(tool) for tool in tools] if isinstance(tools, list) else tools


VERCEL: Final = Dialect(
    title="Vercel AI SDK (before version 7)",
    known_by="`ai.operationId`, `ai.*`",
    keys={
        Field.MODEL: ("ai.response.model", "ai.model.id"),
        Field.PROVIDER: ("ai.model.provider",),
        Field.INPUT: ("ai.prompt.messages", "ai.toolCall.args", "ai.value", "ai.values"),
        Field.OUTPUT: ("ai.toolCall.result",),
        Field.BARE_INPUT: ("ai.prompt",),
        Field.BARE_OUTPUT: ("ai.response.object", "ai.result.object"),
        Field.SAID_TEXT: ("ai.response.text", "ai.result.text"),
        Field.SAID_REASONING: ("ai.response.reasoning",),
        Field.SAID_CALLS: ("ai.response.toolCalls", "ai.result.toolCalls"),
        Field.INPUT_TOKENS: (
            _USAGE + "inputTokens",
            _USAGE + "promptTokens",
            _USAGE + "tokens",
        ),
        Field.OUTPUT_TOKENS: (_USAGE + "outputTokens", _USAGE + "completionTokens"),
        Field.CACHE_READ_TOKENS: (
            _USAGE + "inputTokenDetails.cacheReadTokens",
            _USAGE + "cachedInputTokens",
        ),
        Field.CACHE_WRITE_TOKENS: (_USAGE + "inputTokenDetails.cacheWriteTokens",),
        Field.REASONING_TOKENS: (
            _USAGE + "outputTokenDetails.reasoningTokens",
            _USAGE + "reasoningTokens",
        ),
        Field.FINISH_REASON: ("ai.response.finishReason", "ai.finishReason"),
        Field.SESSION: ("ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.threadId"),
        Field.TOOL_NAME: ("ai.toolCall.name",),
        Field.AGENT_NAME: ("ai.telemetry.functionId",),
        Field.RESPONSE_ID: ("ai.response.id",),
        Field.TOOL_CALL_ID: ("ai.toolCall.id",),
        Field.TOOL_DEFINITIONS: ("ai.prompt.tools",),
        Field.USER: ("ai.telemetry.metadata.userId",),
        Field.FIRST_TOKEN_SECONDS: ("ai.response.msToFirstChunk",),
    },
    kinds=[
        (
            "ai.operationId",
            {
                **{
                    f"ai.{what}.{how}": "llm"
                    for what in ("generatetext", "streamtext", "generateobject", "streamobject")
                    for how in ("dogenerate", "dostream")
                },
                **dict.fromkeys(
                    ["ai.generatetext", "ai.streamtext", "ai.generateobject", "ai.streamobject"],
                    "agent",
                ),
                "ai.toolcall": "tool",
                "ai.embed.doembed": "embedding",
                "ai.embedmany.doembed": "embedding",
                "ai.rerank.dorerank": "reranker",
                **dict.fromkeys(["ai.embed", "ai.embedmany", "ai.rerank"], "chain"),
            },
        )
    ],
    first_tokens=("ai.stream.firstChunk",),
    readers={
        "ai.model.provider": _vendor,
        "ai.prompt.tools": _tools,
        "ai.response.msToFirstChunk": milliseconds,
    },
    composites={"ai.response.providerMetadata": anthropic_metadata},
)
