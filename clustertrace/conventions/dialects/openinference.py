"""OpenInference (`openinference.span.kind`, `llm.*`, `input.value`): Phoenix and its instrumentors.

https://github.com/Arize-ai/openinference/tree/main/spec. Prompt tokens include cached tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.dialect import Dialect, Field
from clustertrace.conventions.readers import parsed, text
from clustertrace.model import KINDS

__all__ = ["OPENINFERENCE"]

_TOKENS: Final = "llm.token_count."


def _model_in_parameters(value: Any) -> str | None:
    """A call that failed names its model only among its parameters."""
    parameters = parsed(value)
    if not isinstance(parameters, dict):
        return None
    return text(parameters.get("model") or parameters.get("model_name"))


def _metadata(value: Any) -> Iterator[tuple[Field, Any]]:
    metadata = parsed(value)
    if isinstance(metadata, Mapping):
        for key in ("session_id", "thread_id", "conversation_id"):
            yield Field.SESSION, text(metadata.get(key))


OPENINFERENCE: Final = Dialect(
    title="OpenInference",
    known_by="`openinference.span.kind`, `llm.*`, `input.value`",
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
        Field.INPUT_TOKENS: (_TOKENS + "prompt",),
        Field.OUTPUT_TOKENS: (_TOKENS + "completion",),
        Field.CACHE_READ_TOKENS: (
            _TOKENS + "prompt_details.cache_read",
            _TOKENS + "prompt_details.cache_input",
        ),
        Field.CACHE_WRITE_TOKENS: (_TOKENS + "prompt_details.cache_write",),
        Field.REASONING_TOKENS: (_TOKENS + "completion_details.reasoning",),
        Field.COST_USD: ("llm.cost.total",),
        Field.FINISH_REASON: ("llm.finish_reason",),
        Field.SESSION: ("session.id",),
        Field.TOOL_NAME: ("tool.name",),
        Field.AGENT_NAME: ("agent.name",),
        Field.TOOL_CALL_ID: ("tool_call.id", "tool.id"),
        Field.USER: ("user.id",),
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
        "llm.prompts.": Field.INPUT,
        "llm.choices.": Field.OUTPUT,
        "llm.tools.": Field.TOOL_DEFINITIONS,
        "retrieval.documents.": Field.OUTPUT,
        "reranker.input_documents.": Field.INPUT,
        "reranker.output_documents.": Field.OUTPUT,
        "evaluations.": Field.EVALUATIONS,
    },
    first_tokens=("First Token Stream Event", "First token received"),
    readers={
        "llm.invocation_parameters": _model_in_parameters,
        "embedding.invocation_parameters": _model_in_parameters,
    },
    keeps=frozenset({"llm.invocation_parameters", "embedding.invocation_parameters"}),
    composites={"metadata": _metadata},
)
