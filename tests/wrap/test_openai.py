"""wrap_openai on the real SDK: Chat Completions, Responses, embeddings."""

from __future__ import annotations

import asyncio
import base64
import gc
import struct
from typing import Any

import httpx2
import openai
import pytest
from pydantic import BaseModel

import clustertrace
from clustertrace.errors import UsageError

MODEL = "gpt-4o-mini"
CHAT_USAGE = {
    "prompt_tokens": 82,
    "completion_tokens": 17,
    "total_tokens": 99,
    "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 8},
}
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
}
BASE = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o-mini-2024-07-18"}
MESSAGE = {"role": "assistant", "content": "I look.", "tool_calls": [CALL]}
CHAT = BASE | {
    "object": "chat.completion",
    "service_tier": "default",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "tool_calls"}],
    "usage": CHAT_USAGE,
}
SAID = [
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [{"id": "call_1", "name": "weather", "arguments": {"city": "Paris"}}],
    }
]
MESSAGES: Any = [{"role": "system", "content": "Brief."}, {"role": "user", "content": "Weather?"}]
ASKED: dict[str, Any] = {"model": MODEL, "messages": MESSAGES}


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """A chunk of a completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return BASE | {"object": "chat.completion.chunk", "choices": [choice]}


def called(arguments: str, **more: Any) -> dict[str, Any]:
    """A piece of a tool call."""
    function = {"arguments": arguments} | ({"name": more.pop("name")} if more else {})
    return {"tool_calls": [{"index": 0, "function": function, **more}]}


CHUNKS: list[Any] = [
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "I "}),
    chunk({"content": "look."}),
    chunk(called("", name="weather", id="call_1", type="function")),
    chunk(called('{"city":')),
    chunk(called('"Paris"}')),
    chunk({}, "tool_calls"),
]
TOTAL = BASE | {"object": "chat.completion.chunk", "choices": [], "usage": CHAT_USAGE}
DONE = b"data: [DONE]\n\n"

ITEMS: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
    {
        "type": "message",
        "id": "m_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
    },
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city":"Paris"}',
        "status": "completed",
    },
]
RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4o-mini-2024-07-18",
    "output": ITEMS,
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 82,
        "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 3},
        "output_tokens": 17,
        "output_tokens_details": {"reasoning_tokens": 8},
        "total_tokens": 99,
    },
}
RESPONSE_SAID = [
    SAID[0]
    | {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "I look."}]}
]


def events() -> list[dict[str, Any]]:
    """The events of the response above."""
    begun = RESPONSE | {"status": "in_progress", "output": [], "usage": None}
    text, call = ITEMS[1] | {"content": [], "status": "in_progress"}, ITEMS[2] | {"arguments": ""}
    at: dict[str, Any] = {"item_id": "m_1", "output_index": 1, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": ITEMS[0]},
        {"type": "response.output_item.done", "output_index": 0, "item": ITEMS[0]},
        {"type": "response.output_item.added", "output_index": 1, "item": text},
        {"type": "response.content_part.added", **at, "part": part},
        {"type": "response.output_text.delta", **at, "delta": "I ", "logprobs": []},
        {"type": "response.output_text.delta", **at, "delta": "look.", "logprobs": []},
        {"type": "response.output_item.done", "output_index": 1, "item": ITEMS[1]},
        {"type": "response.output_item.added", "output_index": 2, "item": call},
        {
            "type": "response.function_call_arguments.delta",
            "item_id": "fc_1",
            "output_index": 2,
            "delta": '{"city":',
        },
        {"type": "response.output_item.done", "output_index": 2, "item": ITEMS[2]},
        {"type": "response.completed", "response": RESPONSE},
    ]
    return [event | {"sequence_number": n} for n, event in enumerate(events)]


def client(api: Any, **options: Any) -> openai.OpenAI:
    """A wrapped client of the fake API."""
    return clustertrace.wrap_openai(openai.OpenAI(api_key="k", http_client=api.client(), **options))


def check_whole(span: Any, output: Any = None, finish: str = "tool_calls") -> None:
    """The span holds all of the reply above."""
    assert (span.name, span.kind, span.status) == (f"chat {MODEL}", "llm", "ok")
    assert (span.model, span.provider) == ("gpt-4o-mini-2024-07-18", "openai")
    assert (span.input_tokens, span.output_tokens, span.reasoning_tokens) == (82, 17, 8)
    assert (span.cache_read_tokens, span.cache_write_tokens) == (64, 3)
    assert (span.output, span.finish_reason) == (output or SAID, finish)
    assert "clustertrace.missing" not in span.attributes
    assert "clustertrace.stream" not in span.attributes


def test_a_completion_is_recorded_whole(api: Any, recorded: Any) -> None:
    """Messages, tools, parameters, reply, counts and ids are in one span."""
    api.reply(CHAT, x_request_id="req_1")
    tools: Any = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    reply = client(api).chat.completions.create(
        model=MODEL,
        messages=[
            *MESSAGES,
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "18"},
        ],
        temperature=0.5,
        max_completion_tokens=9,
        tools=tools,
    )
    assert reply.choices[0].message.content == "I look."
    span = recorded.span()
    check_whole(span)
    assert span.input == [
        *MESSAGES,
        {"role": "assistant", "tool_calls": SAID[0]["tool_calls"]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18"},
    ]
    attributes = span.attributes
    assert (attributes["request_id"], attributes["gen_ai.response.id"]) == ("req_1", "chatcmpl-1")
    assert (attributes["gen_ai.request.temperature"], attributes["gen_ai.request.max_tokens"]) == (
        0.5,
        9,
    )
    assert attributes["gen_ai.tool.definitions"] == tools


def test_the_wrapped_client_is_the_same_type_and_the_original_stays_as_it_was(
    api: Any, recorded: Any
) -> None:
    """Only calls through the copy are recorded, also where a resource was used before."""
    api.reply(CHAT)
    original = openai.OpenAI(api_key="k", http_client=api.client())
    original.chat.completions.create(**ASKED)
    wrapped = clustertrace.wrap_openai(original)
    assert type(wrapped) is openai.OpenAI
    assert clustertrace.wrap_openai(wrapped) is wrapped
    wrapped.with_options(timeout=3).chat.completions.create(**ASKED)
    original.chat.completions.create(**ASKED)
    check_whole(recorded.span())


@pytest.mark.parametrize("usage", [True, False])
def test_a_streamed_completion_is_put_together(api: Any, recorded: Any, usage: bool) -> None:
    """Tool calls too; without a count of tokens the span says how to get one."""
    api.stream([*CHUNKS, *([TOTAL] if usage else []), DONE], x_request_id="req_1")
    stream = client(api).chat.completions.create(stream=True, **ASKED)
    assert isinstance(stream, openai.Stream)
    assert len(list(stream)) == len(CHUNKS) + usage
    span = recorded.span()
    assert span.attributes["request_id"] == "req_1"
    assert [size for _, size in span.attributes["clustertrace.stream.chunks"]][:7] == [
        *(0, 2, 5, 0, 8, 8, 0),
    ]
    if usage:
        check_whole(span)
    else:
        assert (span.output, span.input_tokens) == (SAID, None)
        assert "include_usage" in span.attributes["clustertrace.missing"]


class Weather(BaseModel):
    """What the model is asked for."""

    city: str


def test_parsed_replies_are_recorded(api: Any, recorded: Any) -> None:
    """chat.completions.parse and responses.parse give the program its type, the span the text."""
    text = '{"city":"Paris"}'
    message = {"role": "assistant", "content": text}
    api.reply(CHAT | {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    item = ITEMS[1] | {"content": [{"type": "output_text", "text": text, "annotations": []}]}
    api.reply(RESPONSE | {"output": [item]})
    wrapped = client(api)
    completion = wrapped.chat.completions.parse(response_format=Weather, **ASKED)
    assert completion.choices[0].message.parsed == Weather(city="Paris")
    response = wrapped.responses.parse(model=MODEL, input="Weather?", text_format=Weather)
    assert response.output_parsed == Weather(city="Paris")
    output = [{"role": "assistant", "content": text}]
    assert [span.output for span in recorded.spans()] == [output, output]


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_is_recorded_as_the_reason(api: Any, recorded: Any, stream: bool) -> None:
    """OpenAI says of one that it stopped or was completed; the program still reads just that."""
    said = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
    whole = CHAT | {"choices": [{"index": 0, "message": said, "finish_reason": "stop"}]}
    api.stream([chunk(said), chunk({}, "stop"), DONE]) if stream else api.reply(whole)
    item = ITEMS[1] | {"content": [{"type": "refusal", "refusal": said["refusal"]}]}
    api.reply(RESPONSE | {"output": [item]})
    reply = client(api).chat.completions.create(stream=stream, **ASKED)
    last = list(reply)[-1] if stream else reply
    assert last.choices[0].finish_reason == "stop"
    assert client(api).responses.create(model=MODEL, input="Weather?").status == "completed"
    assert [span.finish_reason for span in recorded.spans()] == ["refusal", "refusal"]


def test_the_stream_helpers_keep_their_ways(api: Any, recorded: Any) -> None:
    """chat.completions.stream and responses.stream: events, final replies, one span each."""
    api.stream([*CHUNKS, TOTAL, DONE]).stream(events())
    wrapped = client(api)
    with wrapped.chat.completions.stream(**ASKED) as stream:
        assert "content.delta" in [event.type for event in stream]
        assert stream.get_final_completion().choices[0].message.content == "I look."
    with wrapped.responses.stream(model=MODEL, input="Weather?") as responses:
        assert responses.get_final_response().output_text == "I look."
    chat, response = recorded.spans()
    check_whole(chat)
    check_whole(response, RESPONSE_SAID, "completed")


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_is_recorded_whole(api: Any, recorded: Any, stream: bool) -> None:
    """Instructions come first; items of all kinds become messages."""
    api.stream(events()) if stream else api.reply(RESPONSE)
    asked: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        *ITEMS[::2],
        {"type": "function_call_output", "call_id": "call_1", "output": "18"},
    ]
    reply = client(api).responses.create(
        model=MODEL,
        instructions="Brief.",
        input=asked,
        reasoning={"effort": "low"},
        stream=stream,
    )
    if stream:
        assert len(list(reply)) == len(events())
    span = recorded.span()
    check_whole(span, RESPONSE_SAID, "completed")
    assert span.input == [
        {"role": "system", "content": "Brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]},
        {"role": "assistant", "tool_calls": SAID[0]["tool_calls"]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18"},
    ]
    assert span.attributes["gen_ai.request.reasoning.level"] == "low"
    assert span.attributes["gen_ai.response.id"] == "resp_1"


@pytest.mark.parametrize("read", [6, 10])
def test_an_abandoned_response_keeps_its_part(api: Any, recorded: Any, read: int) -> None:
    """Text as far as it came, and half of a tool call's arguments as the text that they are."""
    api.stream(events())
    stream = client(api).responses.create(model=MODEL, input="Weather?", stream=True)
    for _ in range(read):
        next(stream)
    del stream
    gc.collect()
    span = recorded.span()
    assert span.attributes["clustertrace.stream"] == "abandoned"
    assert (span.status, span.finish_reason) == ("ok", None)
    (message,) = span.output
    assert message["content"][1]["text"] == ("I " if read == 6 else "I look.")
    if read == 10:
        assert message["tool_calls"] == [
            {"id": "call_1", "name": "weather", "arguments": '{"city":'}
        ]


def test_a_failed_response_is_an_error(api: Any, recorded: Any) -> None:
    """The API says so in a reply that is no HTTP error."""
    error = {"code": "server_error", "message": "It broke."}
    api.reply(RESPONSE | {"status": "failed", "error": error, "output": [], "usage": None})
    assert client(api).responses.create(model=MODEL, input="Weather?").status == "failed"
    span = recorded.span()
    assert (span.status, span.error_message, span.finish_reason) == ("error", "It broke.", "failed")


def test_a_completion_that_breaks_off_keeps_its_part(api: Any, recorded: Any) -> None:
    """The SDK's exception reaches the program, and the span."""
    api.stream(CHUNKS[:2], then=httpx2.ReadError("reset"))
    with pytest.raises(openai.APIConnectionError):
        list(client(api).chat.completions.create(stream=True, **ASKED))
    span = recorded.span()
    assert span.attributes["clustertrace.stream"] == "failed"
    assert (span.status, span.error_type) == ("error", "openai.APIConnectionError")
    assert span.output == [{"role": "assistant", "content": "I "}]


def test_async_calls_are_recorded(api: Any, recorded: Any, cancelled_after: Any) -> None:
    """Completions, responses, streams and embeddings of an async client; one is cancelled."""
    api.reply(CHAT).stream([*CHUNKS, TOTAL, DONE]).stream(events()).reply(RESPONSE)
    api.stream(CHUNKS[:3], then="wait")

    async def main() -> None:
        made = openai.AsyncOpenAI(api_key="k", http_client=api.async_client())
        async with clustertrace.wrap_openai(made) as wrapped:
            await wrapped.chat.completions.create(**ASKED)
            stream = await wrapped.chat.completions.create(stream=True, **ASKED)
            assert isinstance(stream, openai.AsyncStream)
            assert len([chunk async for chunk in stream]) == len(CHUNKS) + 1
            async with wrapped.responses.stream(model=MODEL, input="Weather?") as events:
                assert (await events.get_final_response()).output_text == "I look."
            await wrapped.responses.create(model=MODEL, input="Weather?")
            endless = await wrapped.chat.completions.create(stream=True, **ASKED)
            await cancelled_after(endless, 3)

    asyncio.run(main())
    *whole, endless = recorded.spans()
    for span in whole:
        is_response = span.attributes["gen_ai.response.id"] == "resp_1"
        check_whole(span, *((RESPONSE_SAID, "completed") if is_response else ()))
    assert len(whole) == 4
    assert endless.attributes["clustertrace.stream"] == "cancelled"
    assert endless.output == [{"role": "assistant", "content": "I look."}]


def test_raw_responses_are_recorded(api: Any, recorded: Any) -> None:
    """with_raw_response keeps the reply, and the stream behind it, however soon it goes."""
    api.reply(CHAT).stream([*CHUNKS, TOTAL, DONE])
    raw = client(api).chat.completions.with_raw_response
    assert raw.create(**ASKED).parse().id == "chatcmpl-1"
    assert len(list(raw.create(stream=True, **ASKED).parse())) == len(CHUNKS) + 1
    for span in recorded.spans():
        check_whole(span)


def test_embeddings_are_recorded_without_their_vectors(api: Any, recorded: Any) -> None:
    """What was embedded, how many vectors of how many numbers, and the tokens."""
    vector = base64.b64encode(struct.pack("<3f", 0.1, 0.2, 0.3)).decode()
    data = [{"object": "embedding", "index": n, "embedding": vector} for n in range(2)]
    usage = {"prompt_tokens": 5, "total_tokens": 5}
    for _ in range(2):
        api.reply({"object": "list", "model": "e-1", "data": data, "usage": usage})
    wrapped = client(api)
    reply = wrapped.embeddings.create(model="e-1", input=["a", "b"])
    assert len(reply.data[1].embedding) == 3
    wrapped.embeddings.with_raw_response.create(model="e-1", input=["a", "b"])
    for span in recorded.spans():
        assert (span.name, span.kind, span.provider) == ("embeddings e-1", "embedding", "openai")
        assert (span.input, span.output) == (["a", "b"], {"embeddings": 2, "dimensions": 3})
        assert (span.input_tokens, span.attributes["gen_ai.operation.name"]) == (5, "embeddings")


def test_large_tools_do_not_crowd_out_the_rest(api: Any, recorded: Any) -> None:
    """Whatever their size, ids, parameters and the timeline are all there."""
    api.stream([CHUNKS[0], *[chunk({"content": "word "})] * 1200, chunk({}, "stop"), DONE])
    tools: Any = [
        {"type": "function", "function": {"name": f"t{n}", "description": "long " * 1000}}
        for n in range(30)
    ]
    wrapped = client(api)
    assert list(wrapped.chat.completions.create(stream=True, seed=7, tools=tools, **ASKED))
    attributes = recorded.span().attributes
    assert (attributes["gen_ai.response.id"], attributes["gen_ai.request.seed"]) == (
        "chatcmpl-1",
        7,
    )
    assert sum(size for _, size in attributes["clustertrace.stream.chunks"]) == 6000
    assert attributes["clustertrace.cut"] == ["attributes.gen_ai.tool.definitions"]


def test_several_choices_are_all_kept(api: Any, recorded: Any) -> None:
    """n=2 gives two messages and two reasons to stop."""
    two = [CHAT["choices"][0] | {"index": n} for n in range(2)]  # type: ignore[index]
    api.reply(CHAT | {"choices": two})
    client(api).chat.completions.create(n=2, **ASKED)
    span = recorded.span()
    assert span.output == SAID * 2
    assert span.attributes["gen_ai.response.finish_reasons"] == ["tool_calls"] * 2
    assert span.attributes["gen_ai.request.choice.count"] == 2


@pytest.mark.parametrize(
    ("base_url", "provider"),
    [
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://us.api.openai.com/v1", "openai"),
        ("http://localhost:8000/v1", "openai"),
        ("https://notopenrouter.ai.example/v1", "openai"),
    ],
)
def test_whoever_answers_is_the_provider(
    api: Any, recorded: Any, base_url: str, provider: str
) -> None:
    """Others that speak OpenAI's protocol are known by their host."""
    api.reply(CHAT)
    client(api, base_url=base_url).chat.completions.create(**ASKED)
    assert recorded.span().provider == provider


def test_azure_is_recorded_as_such(api: Any, recorded: Any) -> None:
    """Sync and async, with its own way of copying clients."""
    api.reply(CHAT)
    options: dict[str, Any] = {
        "api_key": "k",
        "api_version": "2024-10-21",
        "azure_endpoint": "https://me.openai.azure.com",
    }
    wrapped = clustertrace.wrap_openai(openai.AzureOpenAI(http_client=api.client(), **options))
    assert type(wrapped) is openai.AzureOpenAI
    wrapped.with_options(max_retries=0).chat.completions.create(**ASKED)

    async def main() -> None:
        async with openai.AsyncAzureOpenAI(http_client=api.async_client(), **options) as made:
            await clustertrace.wrap_openai(made).chat.completions.create(**ASKED)

    asyncio.run(main())
    assert [span.provider for span in recorded.spans()] == ["azure", "azure"]
    assert "/deployments/gpt-4o-mini/chat/completions" in str(api.requests[0].url)


def test_other_requests_are_left_alone(api: Any, recorded: Any) -> None:
    """What calls no model leaves no span."""
    api.reply({"object": "list", "data": []})
    assert list(client(api).models.list()) == []
    assert recorded.spans() == []


@pytest.mark.parametrize("thing", [None, openai, openai.OpenAI, httpx2.Client()])
def test_what_is_no_client_is_refused(thing: Any) -> None:
    """A sentence says what to hand in."""
    with pytest.raises(UsageError, match=r"wrap_openai\(\) expects a client of the openai package"):
        clustertrace.wrap_openai(thing)
