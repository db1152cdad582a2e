"""OpenTelemetry's GenAI conventions (`gen_ai.*`), from their newest names to their oldest.

https://github.com/open-telemetry/semantic-conventions-genai. Token counts of the input include
cached tokens, as ours do.
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field

__all__ = ["GENAI"]

_USAGE: Final = "gen_ai.usage."

GENAI: Final = Dialect(
    name="genai",
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
        Field.FINISH_REASON: ("gen_ai.response.finish_reasons",),
        Field.ERROR_TYPE: ("error.type",),
        Field.ERROR_MESSAGE: ("error.message",),
        Field.SESSION: ("session.id", "gen_ai.conversation.id"),
    },
    kinds=[
        (
            "gen_ai.operation.name",
            {
                "chat": "llm",
                "generate_content": "llm",
                "text_completion": "llm",
                "embeddings": "embedding",
                "retrieval": "retriever",
                "execute_tool": "tool",
                "invoke_agent": "agent",
                "create_agent": "agent",
                "invoke_workflow": "chain",
                "execute_task": "chain",
                "plan": "chain",
            },
        )
    ],
    event_messages={
        "gen_ai.system.message": (Field.INPUT, "system"),
        "gen_ai.user.message": (Field.INPUT, "user"),
        "gen_ai.assistant.message": (Field.INPUT, "assistant"),
        "gen_ai.tool.message": (Field.INPUT, "tool"),
        "gen_ai.choice": (Field.OUTPUT, "assistant"),
    },
)
