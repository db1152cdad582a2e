"""OpenLLMetry (`traceloop.*`, `llm.request.type`, flat `gen_ai.prompt.0.role`).

https://github.com/traceloop/openllmetry. Its newer releases speak GenAI beside it.
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field

__all__ = ["OPENLLMETRY"]

_SAID: Final = "traceloop.association.properties."

OPENLLMETRY: Final = Dialect(
    title="OpenLLMetry / Traceloop",
    known_by="`traceloop.*`, `llm.request.type`, `gen_ai.prompt.0.role`",
    keys={
        Field.MODEL: (_SAID + "ls_model_name",),
        Field.PROVIDER: (_SAID + "ls_provider",),
        Field.BARE_INPUT: ("traceloop.entity.input", "gen_ai.task.input"),
        Field.BARE_OUTPUT: ("traceloop.entity.output", "gen_ai.task.output"),
        Field.REASONING_TOKENS: ("llm.usage.reasoning_tokens",),
        Field.FINISH_REASON: ("llm.response.finish_reason", "gen_ai.completion.0.finish_reason"),
        Field.SESSION: (_SAID + "session_id", _SAID + "thread_id"),
        Field.NAME: ("traceloop.entity.name",),
        Field.USER: (_SAID + "user_id", "gen_ai.user"),
        Field.STREAM: ("llm.is_streaming",),
    },
    kinds=[
        (
            "llm.request.type",
            {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker"},
        ),
        (
            "traceloop.span.kind",
            {"workflow": "chain", "task": "chain", "agent": "agent", "tool": "tool"},
        ),
    ],
    families={
        "gen_ai.prompt.": Field.INPUT,
        "gen_ai.completion.": Field.OUTPUT,
        "llm.request.functions.": Field.TOOL_DEFINITIONS,
    },
    first_tokens=("llm.content.completion.chunk",),
)
