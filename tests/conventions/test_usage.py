"""Usage objects, as vendors, frameworks and tools send them in one value."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.model import Span

Mapped = Callable[..., Span]

LANGFUSE = "langfuse.observation.usage_details"


def counts(span: Span) -> tuple[int | None, ...]:
    return (
        *(span.input_tokens, span.output_tokens, span.cache_read_tokens, span.cache_write_tokens),
        span.reasoning_tokens,
    )


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"input": 5000, "output": 25, "cache_read_input_tokens": 900, "total": 5925},
            (5900, 25, 900, None, None),
        ),
        (
            {"input": 5000, "input_cached_tokens": 64, "output": 9, "output_reasoning_tokens": 8}
            | {"total": 5081},
            (5064, 17, 64, None, 8),
        ),
        (
            {"input": 5000, "input_audio_tokens": 7, "output": 9, "input_priority_cache_read": 4}
            | {"total": 5016},
            (5007, 9, None, None, None),
        ),
        (
            {"input": 120, "input_cache_read": 900, "input_cache_creation": 0, "output": 25}
            | {"input_ephemeral_5m_input_tokens": 20, "input_ephemeral_1h_input_tokens": 10}
            | {"total": 1075},
            (1050, 25, 900, 30, None),
        ),
        (
            {"input": 82, "input_cached_tokens": 64, "output": 17, "total": 99},
            (82, 17, 64, None, None),
        ),
        (
            {"prompt_tokens": 82, "completion_tokens": 17, "total_tokens": 99}
            | {"prompt_tokens_details": {"cached_tokens": 64}},
            (82, 17, 64, None, None),
        ),
        (
            {"input": 5000, "output": 25, "cache_read_input_tokens": 900},
            (5900, 25, 900, None, None),
        ),
        ({"input": 82, "input_cached_tokens": 64, "output": 17}, (82, 17, 64, None, None)),
        ({"input": 5}, (5, None, None, None, None)),
    ],
)
def test_langfuses_input_and_output_leave_out_what_is_counted_apart(
    mapped: Mapped, usage: dict[str, Any], expected: tuple[int | None, ...]
) -> None:
    """Langfuse's `input` and `output` leave out what has a word of its own, if the total says so.

    Where there is none, words of Anthropic's do.
    """
    span = mapped({"langfuse.observation.type": "generation", LANGFUSE: json.dumps(usage)})
    assert counts(span) == expected


def test_langchains_cache_writes_are_told_by_how_long_they_are_kept(mapped: Mapped) -> None:
    """LangChain tells cache writes by how long they are kept, and none besides."""
    details = {"cache_read": 900, "cache_creation": 0}
    kept = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}
    attributes = {"input_tokens": 1050, "output_tokens": 25, "input_token_details": details | kept}
    span = mapped({"langsmith.metadata.usage_metadata": json.dumps(attributes)})
    assert counts(span) == (1050, 25, 900, 30, None)
    assert span.attributes["gen_ai.usage.cache_creation.ephemeral_1h_input_tokens"] == 10
    span = mapped({"gen_ai.usage.input_token_details": repr(details | kept)})
    assert (span.cache_read_tokens, span.cache_write_tokens) == (900, 30)


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "mlflow.chat.tokenUsage": {
                "input_tokens": 951_000,
                "output_tokens": 100,
                "cache_read_input_tokens": 900_000,
                "cache_creation_input_tokens": 50_000,
                "cache_creation_input_tokens_above_1hr": 50_000,
            },
            "mlflow.llm.model": "claude-sonnet-4-5",
            "mlflow.spanType": "CHAT_MODEL",
        },
        {
            "ai.response.providerMetadata": {
                "anthropic": {
                    "usage": {
                        "input_tokens": 1000,
                        "output_tokens": 100,
                        "cache_read_input_tokens": 900_000,
                        "cache_creation_input_tokens": 50_000,
                        "cache_creation": {"ephemeral_1h_input_tokens": 50_000},
                    }
                }
            },
            "ai.response.model": "claude-sonnet-4-5",
            "ai.operationId": "ai.generateText.doGenerate",
        },
    ],
)
def test_written_for_an_hour(mapped: Mapped, attributes: dict[str, Any]) -> None:
    """Cache writes that are kept for an hour cost what those cost."""
    from clustertrace.pricing import price_span

    span = mapped({key: json.dumps(value) for key, value in attributes.items()})
    assert counts(span)[:4] == (951_000, 100, 900_000, 50_000)
    assert price_span(span).cost_usd == pytest.approx(
        (1000 * 6 + 900_000 * 0.6 + 50_000 * 12 + 100 * 22.5) / 1e6
    )


def test_whole_responses(mapped: Mapped) -> None:
    """Where nothing else tells them, tokens and why a reply ended are in the vendor's response."""
    usage = {"input_tokens": 13, "output_tokens": 272, "total_tokens": 285}
    answer = {"created": 1, "data": [{"b64_json": "aGVsbG8="}], "usage": usage}
    attributes = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-image-1"}
    span = mapped(attributes | {"output.value": json.dumps(answer)})
    assert (span.input_tokens, span.output_tokens) == (13, 272)
    answer = {"id": "resp_1", "object": "response", "status": "incomplete"}
    why = {"incomplete_details": {"reason": "max_output_tokens"}}
    span = mapped(attributes | {"output.value": json.dumps(answer | why)})
    assert span.finish_reason == "max_output_tokens"
    assert mapped(attributes | {"output.value": json.dumps(answer)}).finish_reason == "incomplete"
    answer |= {"status": "completed", "usage": usage}
    known = {"llm.token_count.prompt": 1, "llm.token_count.completion": 2}
    span = mapped(attributes | known | {"output.value": json.dumps(answer)})
    assert (span.input_tokens, span.output_tokens, span.finish_reason) == (1, 2, "completed")
