from __future__ import annotations

from typing import Any

import pytest

from clustertrace.model import Span
from clustertrace.understanding.gaps import gaps

WHOLE: dict[str, Any] = {
    "model": "m",
    "input": "Hi",
    "output": "Hello",
    "input_tokens": 1,
    "output_tokens": 1,
    "cost_usd": 0.1,
}


def call(span_id: str, scope: str = "mine", **fields: Any) -> Span:
    all_fields: dict[str, Any] = {**WHOLE, "attributes": {"scope.name": scope}, **fields}
    start = int(span_id, 16) * 100
    return Span("t", span_id, None, "chat", "llm", "ok", start, start + 1, **all_fields)


def test_nothing_is_missing() -> None:
    """A whole call has no gaps, nor has a trace without calls."""
    assert gaps([call("1")]) == ()
    assert gaps([]) == ()


@pytest.mark.parametrize(
    ("lacking", "sentence_part"),
    [
        ({"input_tokens": None, "output_tokens": None}, "without token counts: what reported"),
        ({"cost_usd": None}, "without a cost: no price of m is known"),
        ({"cost_usd": None, "model": None}, "without a cost: no model is named"),
        (
            {"cost_usd": None, "output_tokens": None},
            "without a cost: the number of tokens written is not known",
        ),
        (
            {"cost_usd": None, "input_tokens": None},
            "without a cost: the number of tokens read is not known",
        ),
        ({"input": None, "output": None}, "without content: what reported it sent none"),
        (
            {"attributes": {"otel.dropped_attributes_count": 3}},
            "without some attributes: the sender's SDK dropped them",
        ),
    ],
)
def test_what_is_missing(lacking: dict[str, Any], sentence_part: str) -> None:
    """Each lack is named with its reason."""
    (sentence,) = gaps([call("1", **lacking)])
    assert sentence.startswith(f"1 model call {sentence_part}")


@pytest.mark.parametrize(
    ("scope", "why"),
    [
        ("com.anthropic.claude_code.tracing", "in its logs only"),
        ("codex_exec", "only prompts and tool results, in its logs"),
        ("opentelemetry.instrumentation.genai_openai", "CAPTURE_MESSAGE_CONTENT"),
    ],
)
def test_why_content_is_missing(scope: str, why: str) -> None:
    """Where the instrumentation is known, so is the way to get content."""
    sentences = gaps([call(n, scope, input=None, output=None) for n in ("1", "2")])
    assert len(sentences) == 1
    assert sentences[0].startswith("2 model calls without content")
    assert why in sentences[0]


def test_metadata_only() -> None:
    """Content that was not wanted is missed for that reason."""
    marks = {"clustertrace.capture": "metadata"}
    assert gaps([call("1", input=None, output=None, attributes=marks)]) == (
        "1 model call without content: CLUSTERTRACE_CAPTURE=metadata keeps none.",
    )


def test_what_a_recorder_says() -> None:
    """What a recorder could not get it says itself."""
    marks = {"clustertrace.missing": "tokens: the reply names none"}
    silent = call("1", input_tokens=None, output_tokens=None, attributes=marks)
    assert gaps([silent]) == ("1 model call without tokens: the reply names none.",)
    half = silent._replace(input_tokens=9, cost_usd=None)
    assert gaps([half]) == ("1 model call without tokens: the reply names none.",)


def test_content_that_the_logs_leave_out() -> None:
    """Where Claude Code's logs came, the way to get content is another."""
    attributes = {"scope.name": "com.anthropic.claude_code.tracing", "cost_usd_micros": 1118}
    (sentence,) = gaps([call("1", input=None, output=None, attributes=attributes)])
    assert "OTEL_LOG_RAW_API_BODIES" in sentence


NO_TOKENS: dict[str, Any] = {"input_tokens": None, "output_tokens": None}


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.request.stream": True},
        {"gen_ai.response.time_to_first_chunk": 0.1},
        {"llm.invocation_parameters": '{"stream": true}'},
    ],
)
def test_why_a_stream_told_no_tokens(attributes: dict[str, Any]) -> None:
    """A stream that was not asked for its tokens, or was left half way, is known as such."""
    whole = call("1", attributes=attributes, provider="openai", finish_reason="stop", **NO_TOKENS)
    (sentence,) = gaps([whole])
    assert "include_usage" in sentence
    (sentence,) = gaps([whole._replace(finish_reason=None)])
    assert "not read to its end" in sentence
    (sentence,) = gaps([whole._replace(provider="anthropic")])
    assert "sent none" in sentence


def test_content_that_another_report_has() -> None:
    """A call is not without content where another report of it has some."""
    bare = call("1", "com.anthropic.sdk.python", input=None, output=None, finish_reason="stop")
    other = call("1", "opentelemetry.instrumentation.anthropic")._replace(span_id="2")
    assert gaps([bare, other]) == ()


def test_content_of_embeddings() -> None:
    """No setting brings what OpenTelemetry's instrumentations never tell."""
    scope = "opentelemetry.instrumentation.genai.openai"
    one = call("1", scope, input=None, output=None)._replace(kind="embedding")
    assert gaps([one]) == (
        "1 embedding without content: its instrumentation reports none of embeddings.",
    )


def test_embeddings_are_no_model_calls() -> None:
    """Beside "1 model call" nobody reads that two of them lack something."""
    bare = call("1", input=None, output=None)
    assert gaps([bare, call("2", input=None, output=None)._replace(kind="embedding")]) == (
        "1 model call without content: what reported it sent none.",
        "1 embedding without content: what reported it sent none.",
    )
