"""OpenInference (`openinference.span.kind`, `llm.*`, `input.value`): Phoenix and its instrumentors.

https://github.com/Arize-ai/openinference/tree/main/spec. Prompt tokens include cached tokens.
"""

from __future__ import annotations

from typing import Any, Final

from clustertrace.conventions.dialect import Dialect, Field, parsed, text
from clustertrace.model import KINDS

__all__ = ["OPENINFERENCE"]


def _model_in_parameters(value: Any) -> str | None:
    """A call that failed names its model only among its parameters."""
    parameters = parsed(value)
    if not isinstance(parameters, dict):
        return None
    return text(parameters.get("model") or parameters.get("model_name"))


OPENINFERENCE: Final = Dialect(
    name="openinference",
    keys={
        Field.MODEL: (
            "llm.response.model_name",
            "llm.model_name",
            "llm.request.model_name",
            "embedding.model_name",
            "reranker.model_name",
            "llm.invocation_parameters",
            "embedding.invocation_parameters",
        ),
        Field.PROVIDER: ("llm.provider", "llm.system"),
        Field.BARE_INPUT: ("input.value",),
        Field.BARE_OUTPUT: ("output.value",),
        Field.INPUT_TOKENS: ("llm.token_count.prompt",),
        Field.OUTPUT_TOKENS: ("llm.token_count.completion",),
        Field.CACHE_READ_TOKENS: (
            "llm.token_count.prompt_details.cache_read",
            "llm.token_count.prompt_details.cache_input",
        ),
        Field.CACHE_WRITE_TOKENS: ("llm.token_count.prompt_details.cache_write",),
        Field.REASONING_TOKENS: ("llm.token_count.completion_details.reasoning",),
        Field.COST_USD: ("llm.cost.total",),
        Field.FINISH_REASON: ("llm.finish_reason",),
        Field.SESSION: ("session.id",),
    },
    kinds=[
        (
            "openinference.span.kind",
            {
                **{kind: kind for kind in KINDS},
                "prompt": "chain",
                "decision": "chain",
            },
        )
    ],
    families={
        "llm.input_messages.": Field.INPUT,
        "llm.output_messages.": Field.OUTPUT,
        "retrieval.documents.": Field.OUTPUT,
        "reranker.input_documents.": Field.INPUT,
        "reranker.output_documents.": Field.OUTPUT,
    },
    readers={
        "llm.invocation_parameters": _model_in_parameters,
        "embedding.invocation_parameters": _model_in_parameters,
    },
)
