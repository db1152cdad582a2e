"""OpenTelemetry's GenAI conventions (`gen_ai.*`), from their newest names to their oldest.

https://github.com/open-telemetry/semantic-conventions-genai. Token counts of the input include
cached tokens, as ours do. Messages were at first events named after their content, then one event
each, and are now attributes of the span.
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.usage import input_details

__all__ = ["GENAI"]

_USAGE: Final = "gen_ai.usage."

GENAI: Final = Dialect(
    title="OpenTelemetry GenAI, newest names to oldest",
    known_by="`gen_ai.*`, also in span events; `mcp.method.name`",
    keys={
        Field.MODEL: ("gen_ai.response.model", "gen_ai.request.model"),
        Field.PROVIDER: ("gen_ai.provider.name", "gen_ai.system"),
        Field.INPUT: (
            "gen_ai.input.messages",
            "gen_ai.tool.call.arguments",
            "gen_ai.retrieval.query.text",
        ),
        Field.OUTPUT: (
            "gen_ai.output.messages",
            "gen_ai.tool.call.result",
            "gen_ai.retrieval.documents",
        ),
        Field.BARE_INPUT: ("gen_ai.prompt",),
        Field.BARE_OUTPUT: ("gen_ai.completion",),
        Field.SYSTEM: ("gen_ai.system_instructions",),
        Field.INPUT_TOKENS: (_USAGE + "input_tokens", _USAGE + "prompt_tokens"),
        Field.OUTPUT_TOKENS: (_USAGE + "output_tokens", _USAGE + "completion_tokens"),
        Field.CACHE_READ_TOKENS: (
            _USAGE + "cache_read.input_tokens",
            _USAGE + "cache_read_input_tokens",
            _USAGE + "details.cache_read_tokens",
            _USAGE + "details.cached_tokens",
        ),
        Field.CACHE_WRITE_TOKENS: (
            _USAGE + "cache_write.input_tokens",
            _USAGE + "cache_creation.input_tokens",
            _USAGE + "cache_creation_input_tokens",
            _USAGE + "cache_write_input_tokens",
            _USAGE + "details.cache_write_tokens",
        ),
        Field.REASONING_TOKENS: (
            _USAGE + "reasoning.output_tokens",
            _USAGE + "reasoning_tokens",
            _USAGE + "details.reasoning_tokens",
        ),
        Field.COST_USD: (_USAGE + "cost",),
        Field.FINISH_REASON: ("gen_ai.response.finish_reasons", "anthropic.message.stop_reason"),
        Field.ERROR_TYPE: ("error.type",),
        Field.ERROR_MESSAGE: ("error.message",),
        Field.SESSION: ("session.id", "gen_ai.conversation.id"),
        Field.TOOL_NAME: ("gen_ai.tool.name",),
        Field.AGENT_NAME: ("gen_ai.agent.name",),
        Field.RESPONSE_ID: ("gen_ai.response.id",),
        Field.TOOL_CALL_ID: ("gen_ai.tool.call.id", "gen_ai.tool.call_id"),
        Field.TOOL_DEFINITIONS: ("gen_ai.tool.definitions",),
        Field.USER: ("user.id", "enduser.id"),
        Field.STREAM: ("gen_ai.request.stream", "gen_ai.is_streaming"),
        Field.FIRST_TOKEN_SECONDS: (
            "gen_ai.response.time_to_first_chunk",
            "gen_ai.client.operation.time_to_first_chunk",
        ),
    },
    kinds=[
        (
            "gen_ai.operation.name",
            {
                "chat": "llm",
                "generate_content": "llm",
                "text_completion": "llm",
                "completion": "llm",
                "llm_call": "llm",
                "embeddings": "embedding",
                "embedding": "embedding",
                "retrieval": "retriever",
                "search_memory": "retriever",
                "rerank": "reranker",
                "execute_tool": "tool",
                "tool_call": "tool",
                "invoke_agent": "agent",
                "create_agent": "agent",
                "agent_call": "agent",
                "invoke_workflow": "chain",
                "execute_task": "chain",
                "agent_step": "chain",
                "execute_event_loop_cycle": "chain",
                "plan": "chain",
            },
        ),
        ("mcp.method.name", {"tools/call": "tool"}),
    ],
    event_messages={
        "gen_ai.system.message": (Field.INPUT, "system"),
        "gen_ai.user.message": (Field.INPUT, "user"),
        "gen_ai.assistant.message": (Field.INPUT, "assistant"),
        "gen_ai.tool.message": (Field.INPUT, "tool"),
        "gen_ai.choice": (Field.OUTPUT, "assistant"),
    },
    event_values={
        "gen_ai.content.prompt": [("gen_ai.prompt", Field.BARE_INPUT)],
        "gen_ai.content.completion": [("gen_ai.completion", Field.BARE_OUTPUT)],
        "gen_ai.client.inference.operation.details": [
            ("gen_ai.input.messages", Field.INPUT),
            ("gen_ai.output.messages", Field.OUTPUT),
            ("gen_ai.system_instructions", Field.SYSTEM),
            ("gen_ai.tool.definitions", Field.TOOL_DEFINITIONS),
        ],
    },
    composites={_USAGE + "input_token_details": input_details},
)
