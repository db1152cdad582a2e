from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.conventions.otlp.traces import decode_protobuf
from clustertrace.model import Span

Mapped = Callable[..., Span]


def test_newest_genai_names_win(mapped: Mapped) -> None:
    """Of new and old names of one thing the new one counts, whatever their order."""
    span = mapped(
        {
            "gen_ai.system": "OpenAI",
            "gen_ai.provider.name": "azure.ai.openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.usage.prompt_tokens": 1,
            "gen_ai.usage.input_tokens": 82,
            "gen_ai.usage.completion_tokens": 17,
            "gen_ai.usage.cache_creation_input_tokens": 7,
        }
    )
    assert (span.provider, span.model) == ("azure", "gpt-4o-mini-2024-07-18")
    assert (span.input_tokens, span.output_tokens, span.cache_write_tokens) == (82, 17, 7)


def test_losers_stay(mapped: Mapped) -> None:
    """A value that lost its field to a better one stays an attribute, unless it says the same."""
    span = mapped(
        {
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.system": "openai",
            "gen_ai.provider.name": "openai",
        }
    )
    assert span.attributes == {"scope.name": "tests", "gen_ai.request.model": "gpt-4o-mini"}


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "chat"}, "llm"),
        ({"gen_ai.operation.name": "embeddings"}, "embedding"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ({"gen_ai.operation.name": "invoke_workflow"}, "chain"),
        ({"gen_ai.operation.name": "something new"}, "chain"),
        ({"openinference.span.kind": "RERANKER"}, "reranker"),
        ({"openinference.span.kind": "LLM", "gen_ai.operation.name": "invoke_agent"}, "llm"),
        ({"llm.request.type": "chat"}, "llm"),
        ({"traceloop.span.kind": "tool"}, "tool"),
        ({"traceloop.span.kind": "workflow", "gen_ai.operation.name": "invoke_agent"}, "agent"),
        ({"gen_ai.request.model": "m", "gen_ai.usage.output_tokens": 3}, "llm"),
        ({"gen_ai.tool.name": "search"}, "tool"),
        ({"http.request.method": "GET"}, "chain"),
        ({"openinference.span.kind": 7}, "chain"),
    ],
)
def test_every_word_for_a_kind_is_understood(
    mapped: Mapped, attributes: dict[str, object], kind: str
) -> None:
    """Every dialect's word for a kind is understood; a span that names none is guessed."""
    assert mapped(attributes).kind == kind


def test_content_is_parsed(mapped: Mapped) -> None:
    """Arguments and results that are JSON become what they stand for; other texts stay."""
    span = mapped(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.arguments": '{"city": "Paris"}',
            "gen_ai.tool.call.result": "18 C {sunny",
        }
    )
    assert (span.input, span.output) == ({"city": "Paris"}, "18 C {sunny")


def test_system_instructions_open_the_conversation(mapped: Mapped) -> None:
    """System instructions that stand apart come first in the input."""
    user = {"role": "user", "parts": [{"type": "text", "content": "Hi"}]}
    system = [{"type": "text", "content": "Be kind."}]
    span = mapped(
        {
            "gen_ai.system_instructions": json.dumps(system),
            "gen_ai.input.messages": json.dumps([user]),
        }
    )
    assert span.input == [{"role": "system", "parts": system}, user]


def test_system_instructions_alone(mapped: Mapped) -> None:
    """Without messages, system instructions stay an attribute."""
    span = mapped({"gen_ai.system_instructions": "Be kind."})
    assert span.input is None
    assert span.attributes["gen_ai.system_instructions"] == "Be kind."


@pytest.mark.parametrize("reasons", [["tool_calls"], '["tool_calls"]', "tool_calls"])
def test_finish_reason(mapped: Mapped, reasons: object) -> None:
    """The finish reason is the first of a list, of a list in JSON, or a text."""
    assert mapped({"gen_ai.response.finish_reasons": reasons}).finish_reason == "tool_calls"


def test_messages_in_events(mapped: Mapped) -> None:
    """Messages that came as span events become input and output."""
    span = mapped(
        events=[
            ("gen_ai.system.message", {"content": "Be kind."}),
            ("gen_ai.user.message", {"content": "Hi", "gen_ai.system": "openai"}),
            ("gen_ai.choice", {"message": '{"content": "Hello"}', "finish_reason": "stop"}),
        ]
    )
    assert span.input == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
    ]
    assert span.output == [{"role": "assistant", "content": "Hello", "finish_reason": "stop"}]
    assert "events" not in span.attributes


def test_openinference_messages(mapped: Mapped) -> None:
    """Flat indexed messages are put together; the raw request stays beside them."""
    span = mapped(
        {
            "openinference.span.kind": "LLM",
            "input.value": '{"model": "gpt-4o"}',
            "llm.input_messages.1.message.role": "assistant",
            "llm.input_messages.1.message.tool_calls.0.tool_call.id": "c1",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name": "search",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "Hi",
            "llm.token_count.prompt": 82,
            "llm.token_count.prompt_details.cache_read": 64,
        }
    )
    assert span.input == [
        {"role": "user", "contents": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "search"}}]},
    ]
    assert span.attributes == {
        "scope.name": "tests",
        "openinference.span.kind": "LLM",
        "input.value": '{"model": "gpt-4o"}',
    }
    assert (span.input_tokens, span.cache_read_tokens) == (82, 64)


@pytest.mark.parametrize("kind", ["CHAIN", "AGENT"])
def test_what_a_step_around_model_calls_was_given(mapped: Mapped, kind: str) -> None:
    """LangChain's chains have their whole input beside the first of its messages."""
    messages = [{"type": "human", "data": {"content": text}} for text in ("Hi", "And now?")]
    first = {
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Hi",
    }
    named = {"openinference.span.kind": kind} | first
    span = mapped({"input.value": json.dumps({"messages": messages}), **named})
    assert span.input == {"messages": messages}
    assert span.attributes == {"scope.name": "tests", **named}
    assert mapped(named).input == [{"role": "user", "content": "Hi"}]


def test_a_result_in_langchains_message(mapped: Mapped) -> None:
    """A tool's result is what it gave back; the message's ids differ from run to run."""
    message = {"type": "tool", "data": {"content": '{"left": 12}', "tool_call_id": "c1"}}
    span = mapped({"openinference.span.kind": "TOOL", "output.value": json.dumps(message)})
    assert span.output == {"left": 12}
    assert span.attributes["output.value"] == json.dumps(message)


def test_openinference_values(mapped: Mapped) -> None:
    """A step without messages has its values for input and output."""
    span = mapped({"input.value": '{"q": 1}', "output.value": "done"})
    assert (span.input, span.output) == ({"q": 1}, "done")


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("2.5", 2.5), ("true", True), ("x", "x")])
def test_openinference_scalars(mapped: Mapped, text: str, value: object) -> None:
    """A number that is called JSON is one; without that word it is a text."""
    assert mapped({"output.value": text, "output.mime_type": "application/json"}).output == value
    assert mapped({"output.value": text}).output == text
    quoted = {"output.value": json.dumps(text), "output.mime_type": "application/json"}
    assert mapped(quoted).output == text


@pytest.mark.parametrize(
    "key",
    ["llm.input_messages." + "9" * 5_000, "retrieval.documents." + "a." * 3_000 + "b"],
)
def test_absurd_keys(mapped: Mapped, key: str) -> None:
    """A key with a number of 5 000 digits, or of 3 000 parts, costs no other attribute."""
    span = mapped({key: "x", f"{key}.message.role": "user", "gen_ai.request.model": "m"})
    assert span.model == "m"


def test_model_of_a_failed_call(mapped: Mapped) -> None:
    """A call that failed names its model only among its parameters."""
    parameters = '{"model": "gpt-4o-mini", "temperature": 0.2}'
    span = mapped({"llm.invocation_parameters": parameters})
    assert span.model == "gpt-4o-mini"
    assert span.attributes["llm.invocation_parameters"] == parameters


def test_retrieved_documents(mapped: Mapped) -> None:
    """The documents of a retriever are its output."""
    span = mapped(
        {
            "openinference.span.kind": "RETRIEVER",
            "retrieval.documents.0.document.content": "A",
            "retrieval.documents.0.document.score": 0.5,
            "retrieval.documents.10.document.content": "C",
            "retrieval.documents.9.document.content": "B",
        }
    )
    assert span.output == [{"content": "A", "score": 0.5}, {"content": "B"}, {"content": "C"}]


def test_flat_prompt(mapped: Mapped) -> None:
    """The flat prompts of older OpenLLMetry are put together."""
    span = mapped(
        {
            "llm.request.type": "chat",
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Hi",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hello",
            "gen_ai.completion.0.finish_reason": "stop",
        }
    )
    assert span.input == [{"role": "user", "content": "Hi"}]
    assert span.output == [{"role": "assistant", "content": "Hello"}]
    assert span.finish_reason == "stop"


def test_frameworks_are_no_vendors(mapped: Mapped) -> None:
    """A framework that names itself as the provider is passed over."""
    span = mapped({"gen_ai.provider.name": "langgraph", "gen_ai.system": "Anthropic"})
    assert span.provider == "anthropic"


def test_cached_tokens_are_included(mapped: Mapped) -> None:
    """A count that leaves out cached tokens shows it by being smaller than they are."""
    attributes = {"gen_ai.usage.input_tokens": 120, "gen_ai.usage.cache_read.input_tokens": 900}
    assert mapped(attributes).input_tokens == 1020


@pytest.mark.parametrize("count", [-1, "many", 1.5, True, [3], float("nan"), ""])
def test_unusable_counts_stay(mapped: Mapped, count: object) -> None:
    """A token count that is none stays an attribute."""
    span = mapped({"gen_ai.usage.input_tokens": count})
    assert span.input_tokens is None
    assert "gen_ai.usage.input_tokens" in span.attributes


def test_a_span_gets_the_error_of_the_exception_that_ended_it(mapped: Mapped) -> None:
    """The exception that a span ended in gives the error its type, message and stack."""
    attributes = {
        "exception.type": "ValueError",
        "exception.message": "no such city",
        "exception.stacktrace": "Traceback …",
    }
    span = mapped(events=[("exception", attributes)], status=2, message="ValueError: no such city")
    assert (span.status, span.error_type) == ("error", "ValueError")
    assert span.error_message == "no such city"
    assert span.attributes == {"scope.name": "tests", "exception.stacktrace": "Traceback …"}


def test_last_exception_counts(mapped: Mapped) -> None:
    """Of several exceptions the last one ended the span; the others stay events."""
    caught, fatal = {"exception.type": "OSError"}, {"exception.type": "ValueError"}
    span = mapped(events=[("exception", caught), ("exception", fatal)], status=2)
    assert span.error_type == "ValueError"
    assert [event["attributes"] for event in span.attributes["events"]] == [caught]


def test_caught_exception(mapped: Mapped) -> None:
    """An exception in a span that did not fail was caught: it is an event, not an error."""
    span = mapped({"error.type": "OSError"}, events=[("exception", {"exception.type": "OSError"})])
    assert (span.status, span.error_type, span.error_message) == ("ok", None, None)
    assert span.attributes["error.type"] == "OSError"
    assert span.attributes["events"][0]["name"] == "exception"


def test_error_without_exception(mapped: Mapped) -> None:
    """A failed span without an exception has the status's message."""
    span = mapped({"error.type": "timeout"}, status=2, message="took too long")
    assert (span.error_type, span.error_message) == ("timeout", "took too long")


def test_evaluations_of_openinference(request_of: Callable[..., Any]) -> None:
    """Scores that a span bears are metrics of it; a label without a number stays an attribute."""
    attributes = {
        "openinference.span.kind": "LLM",
        "evaluations.0.evaluation.name": "tone",
        "evaluations.0.evaluation.score": 0.5,
        "evaluations.1.evaluation.name": "grade",
        "evaluations.1.evaluation.label": "good",
    }
    received = decode_protobuf(request_of(attributes).SerializeToString())
    (span,) = received.batch.spans
    metrics = [metric for fact in received.batch.facts for metric in fact.metrics]
    assert [tuple(metric) for metric in metrics] == [("tone", 0.5, span.start_ns, span.span_id)]
    assert span.attributes["evaluations"] == [
        {"name": "tone", "score": 0.5},
        {"name": "grade", "label": "good"},
    ]
