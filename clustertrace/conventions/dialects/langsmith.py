"""LangSmith's OpenTelemetry exporter (`langsmith.*`, beside `gen_ai.*`).

https://docs.smith.langchain.com/observability/how_to_guides/trace_langchain_with_otel
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.usage import usage

__all__ = ["LANGSMITH"]

_METADATA: Final = "langsmith.metadata."

LANGSMITH: Final = Dialect(
    title="LangSmith over OpenTelemetry",
    known_by="`langsmith.span.kind`, `langsmith.metadata.*`",
    keys={
        Field.MODEL: (_METADATA + "ls_model_name",),
        Field.PROVIDER: (_METADATA + "ls_provider",),
        Field.SESSION: (
            _METADATA + "session_id",
            _METADATA + "thread_id",
            _METADATA + "conversation_id",
        ),
        Field.USER: (_METADATA + "user_id",),
        Field.STREAM: ("langsmith.request.streaming",),
    },
    kinds=[
        (
            "langsmith.span.kind",
            {
                "llm": "llm",
                "chain": "chain",
                "tool": "tool",
                "retriever": "retriever",
                "embedding": "embedding",
                "prompt": "chain",
                "parser": "chain",
            },
        )
    ],
    composites={_METADATA + "usage_metadata": lambda value: usage(value, own=False)},
)
