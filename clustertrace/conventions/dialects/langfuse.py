"""Langfuse's SDK (`langfuse.*`), whose values are often JSON in a text.

https://langfuse.com/integrations/native/opentelemetry
"""

from __future__ import annotations

from typing import Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.readers import true_for
from clustertrace.conventions.usage import cost_details, langfuse_usage

__all__ = ["LANGFUSE"]

_SEEN: Final = "langfuse.observation."

LANGFUSE: Final = Dialect(
    title="Langfuse",
    known_by="`langfuse.observation.*`",
    keys={
        Field.MODEL: (_SEEN + "model.name",),
        Field.BARE_INPUT: (_SEEN + "input",),
        Field.BARE_OUTPUT: (_SEEN + "output",),
        Field.FAILED: (_SEEN + "level",),
        Field.ERROR_MESSAGE: (_SEEN + "status_message",),
        Field.SESSION: ("langfuse.session.id",),
        Field.USER: ("langfuse.user.id",),
        Field.FIRST_TOKEN_NS: (_SEEN + "completion_start_time",),
    },
    kinds=[
        (
            _SEEN + "type",
            {
                "generation": "llm",
                "embedding": "embedding",
                "agent": "agent",
                "tool": "tool",
                "chain": "chain",
                "retriever": "retriever",
                "evaluator": "evaluator",
                "guardrail": "guardrail",
            },
        )
    ],
    readers={_SEEN + "level": true_for("error")},
    composites={
        _SEEN + "usage_details": langfuse_usage,
        _SEEN + "cost_details": cost_details,
    },
)
