"""wrap_anthropic on the real SDK: what of each kind of call is recorded."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gc
import json
import logging
import struct
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

import clustertrace
from clustertrace.errors import UsageError

MODEL = "claude-sonnet-4-6"
USAGE = {
    "input_tokens": 120,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 900,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "output_tokens": 25,
    "output_tokens_details": {"thinking_tokens": 5},
    "service_tier": "standard",
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": USAGE,
}
ASKED: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "Weather?"}],
}
SAID = [
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm."},
            {"type": "text", "text": "I look."},
        ],
        "tool_calls": [{"id": "toolu_1", "name": "weather", "arguments": {"city": "Paris"}}],
    }
]


def delta(index: int, **fields: str) -> dict[str, Any]:
    """A piece of a block."""
    return {"type": "content_block_delta", "index": index, "delta": fields}


def start(index: int, **block: Any) -> dict[str, Any]:
    """The beginning of a block."""
    return {"type": "content_block_start", "index": index, "content_block": block}


EVENTS: list[dict[str, Any]] = [
    {
        "type": "message_start",
        "message": MESSAGE
        | {"content": [], "stop_reason": None, "usage": USAGE | {"output_tokens": 1}},
    },
    start(0, type="thinking", thinking="", signature=""),
    delta(0, type="thinking_delta", thinking="Hm."),
    start(1, type="text", text=""),
    delta(1, type="text_delta", text="I "),
    delta(1, type="text_delta", text="look."),
    start(2, type="tool_use", id="toolu_1", name="weather", input={}),
    delta(2, type="input_json_delta", partial_json='{"city":'),
    delta(2, type="input_json_delta", partial_json='"Paris"}'),
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 25, "output_tokens_details": {"thinking_tokens": 5}},
    },
    {"type": "message_stop"},
]


def client(api: Any, **options: Any) -> anthropic.Anthropic:
    """A wrapped client of the fake API."""
    made = anthropic.Anthropic(api_key="k", http_client=api.client(), **options)
    return clustertrace.wrap_anthropic(made)


def async_client(api: Any) -> anthropic.AsyncAnthropic:
    """As `client`, awaited."""
    made = anthropic.AsyncAnthropic(api_key="k", http_client=api.async_client())
    return clustertrace.wrap_anthropic(made)


def check_whole(span: Any) -> None:
    """The span holds all of the reply above."""
    assert (span.name, span.kind, span.status) == (f"chat {MODEL}", "llm", "ok")
    assert (span.model, span.provider, span.finish_reason) == (MODEL, "anthropic", "tool_use")
    assert (span.input_tokens, span.output_tokens, span.reasoning_tokens) == (1050, 25, 5)
    assert (span.cache_read_tokens, span.cache_write_tokens) == (900, 30)
    assert span.output == SAID
    assert span.attributes["gen_ai.response.id"] == "msg_1"
    hour = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
    assert span.attributes[hour] == 20
    assert "clustertrace.missing" not in span.attributes


def test_a_call_is_recorded_whole(api: Any, recorded: Any) -> None:
    """Messages, system prompt, tools, parameters, reply, counts and ids are in one span."""
    api.reply(MESSAGE, request_id="req_1")
    tools: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
    reply = client(api).messages.create(
        model=MODEL,
        max_tokens=64,
        extra_body={"temperature": 0.5},
        stop_sequences=["END"],
        system=[{"type": "text", "text": "Be brief."}],
        tools=tools,
        messages=[
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": {}}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t", "content": "18", "is_error": True},
                    {"type": "text", "text": "So?"},
                ],
            },
        ],
    )
    assert reply.id == "msg_1"
    span = recorded.span()
    check_whole(span)
    assert span.input == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "t", "name": "weather", "arguments": {}}],
        },
        {"role": "tool", "tool_call_id": "t", "is_error": True, "content": "18"},
        {"role": "user", "content": "So?"},
    ]
    assert span.attributes["request_id"] == "req_1"
    assert span.attributes["gen_ai.request.temperature"] == 0.5
    assert span.attributes["gen_ai.request.stop_sequences"] == ["END"]
    assert span.attributes["gen_ai.tool.definitions"] == tools
    # What was not given is not recorded, not even as something that stands for nothing.
    assert "gen_ai.request.top_p" not in span.attributes


def test_the_wrapped_client_is_the_same_type_and_the_original_stays_as_it_was(
    api: Any, recorded: Any
) -> None:
    """Only calls through the copy are recorded, and wrapping it again changes nothing."""
    api.reply(MESSAGE)
    original = anthropic.Anthropic(api_key="k", http_client=api.client())
    original.messages.create(**ASKED)
    wrapped = clustertrace.wrap_anthropic(original)
    assert type(wrapped) is anthropic.Anthropic
    assert clustertrace.wrap_anthropic(wrapped) is wrapped
    wrapped.messages.create(**ASKED)
    original.messages.create(**ASKED)
    assert len(recorded.spans()) == 1
    assert wrapped.api_key == original.api_key


def test_copies_of_a_wrapped_client_stay_wrapped(api: Any, recorded: Any) -> None:
    """with_options() and copy() give clients that record, with the options asked for."""
    api.reply(MESSAGE)
    wrapped = client(api)
    for each in (wrapped.with_options(timeout=3), wrapped.copy(max_retries=0).with_options()):
        each.messages.create(**ASKED)
        each.beta.messages.create(**ASKED)
    assert wrapped.with_options(timeout=3).timeout == 3
    assert len(recorded.spans()) == 4


def test_counting_tokens_is_no_model_call(api: Any, recorded: Any) -> None:
    """count_tokens works and leaves no span."""
    api.reply({"input_tokens": 42})
    counted = client(api).messages.count_tokens(model=MODEL, messages=ASKED["messages"])
    assert counted.input_tokens == 42
    assert recorded.spans() == []


def test_calls_nest_under_the_function_that_made_them(api: Any, recorded: Any) -> None:
    """A call inside a traced function is its child."""
    api.reply(MESSAGE)

    @clustertrace.trace(kind="agent")
    def agent() -> None:
        client(api).messages.create(**ASKED)

    agent()
    above, call = recorded.spans()
    assert (above.name, call.parent_span_id) == ("agent", above.span_id)


def test_a_stream_is_one_span_with_its_timeline(api: Any, recorded: Any) -> None:
    """The reply is put together; the time to its first content and each chunk is kept."""
    api.stream(EVENTS, request_id="req_1")
    stream = client(api).messages.create(stream=True, **ASKED)
    assert isinstance(stream, anthropic.Stream)
    assert [event.type for event in stream] == [event["type"] for event in EVENTS]
    span = recorded.span()
    check_whole(span)
    attributes = span.attributes
    assert attributes["request_id"] == "req_1"
    assert attributes["clustertrace.stream.chunk_count"] == len(EVENTS)
    times, sizes = zip(*attributes["clustertrace.stream.chunks"], strict=True)
    assert list(sizes) == [0, 0, 3, 0, 2, 5, 0, 8, 8, 0, 0]
    assert list(times) == sorted(times)
    first, content = (
        attributes["gen_ai.response.time_to_first_chunk"],
        attributes["clustertrace.stream.time_to_first_content"],
    )
    assert 0 < first <= content
    assert "clustertrace.stream" not in attributes


@pytest.mark.parametrize("beta", [False, True])
def test_the_stream_helper_keeps_its_ways(api: Any, recorded: Any, beta: bool) -> None:
    """text_stream, get_final_message and the request's id work as ever, and all is recorded."""
    api.stream(EVENTS, request_id="req_1")
    wrapped = client(api)
    messages: Any = wrapped.beta.messages if beta else wrapped.messages
    with messages.stream(**ASKED) as stream:
        assert list(stream.text_stream) == ["I ", "look."]
        assert stream.get_final_message().usage.output_tokens == 25
        assert stream.request_id == "req_1"
    check_whole(recorded.span())


def test_async_calls_are_recorded(api: Any, recorded: Any) -> None:
    """create, its stream and the stream helper of an async client."""
    api.reply(MESSAGE).stream(EVENTS).stream(EVENTS)

    async def main() -> None:
        async with async_client(api) as wrapped:
            assert (await wrapped.messages.create(**ASKED)).id == "msg_1"
            events = await wrapped.messages.create(stream=True, **ASKED)
            assert isinstance(events, anthropic.AsyncStream)
            assert len([event async for event in events]) == len(EVENTS)
            async with wrapped.messages.stream(**ASKED) as stream:
                assert await stream.get_final_text() == "I look."

    asyncio.run(main())
    spans = recorded.spans()
    assert len(spans) == 3
    for span in spans:
        check_whole(span)


def check_part(span: Any, how: str) -> None:
    """The span holds what of the stream was read, and says why that is not all."""
    assert span.attributes["clustertrace.stream"] == how
    assert span.attributes["clustertrace.missing"].startswith("output, tokens: ")
    assert span.output[0]["content"][1] == {"type": "text", "text": "I "}
    assert (span.input_tokens, span.output_tokens) == (1050, None)


@pytest.mark.parametrize("way", ["dropped", "closed", "left"])
def test_an_abandoned_stream_keeps_its_part(api: Any, recorded: Any, way: str) -> None:
    """A stream that the program lets go of, closes or leaves ends then, without an error."""
    api.stream(EVENTS)
    stream = client(api).messages.create(stream=True, **ASKED)
    if way == "left":
        with stream:
            for _ in range(5):
                next(stream)
    else:
        for _ in range(5):
            next(stream)
    assert way == "left" or recorded.spans()[0].status == "running"
    if way == "closed":
        stream.close()
    del stream
    gc.collect()
    span = recorded.span()
    check_part(span, "abandoned")
    assert span.status == "ok"


def test_a_stream_that_breaks_off_keeps_its_part(api: Any, recorded: Any) -> None:
    """The exception reaches the program as it was, and the span."""
    api.stream(EVENTS[:5], then=httpx2.ReadError("connection reset"))
    with pytest.raises(httpx2.ReadError, match="connection reset"):
        list(client(api).messages.create(stream=True, **ASKED))
    span = recorded.span()
    check_part(span, "failed")
    assert (span.status, span.error_type) == ("error", "httpx2.ReadError")
    assert span.error_message == "connection reset"


def test_an_error_event_in_a_stream_fails_the_call(api: Any, recorded: Any) -> None:
    """The API may fail after it has begun to answer."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    api.stream([*EVENTS[:5], error])
    with pytest.raises(anthropic.APIStatusError), client(api).messages.stream(**ASKED) as stream:
        stream.until_done()
    span = recorded.span()
    check_part(span, "failed")
    assert "Overloaded" in (span.error_message or "")


@pytest.mark.parametrize("while_reading", [True, False])
def test_a_cancelled_stream_says_so(api: Any, recorded: Any, while_reading: bool) -> None:
    """Whether the task is cancelled while it waits for a chunk or while it handles one."""
    api.stream(EVENTS[:5], then="wait")

    async def main() -> None:
        reached = asyncio.Event()

        async def read() -> None:
            async with async_client(api) as wrapped, wrapped.messages.stream(**ASKED) as stream:
                async for event in stream:
                    if event.type == "text":
                        reached.set()
                        if not while_reading:
                            await asyncio.Event().wait()

        task = asyncio.create_task(read())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = recorded.span()
    check_part(span, "cancelled")
    assert (span.status, span.error_type) == ("error", "asyncio.exceptions.CancelledError")


def test_a_program_that_stops_after_the_last_event_has_not_abandoned_it(
    api: Any, recorded: Any
) -> None:
    """Nobody has to ask for one more chunk to have the whole reply."""
    api.stream(EVENTS)
    with client(api).messages.create(stream=True, **ASKED) as stream:
        for event in stream:
            if event.type == "message_stop":
                break
    span = recorded.span()
    check_whole(span)
    assert "clustertrace.stream" not in span.attributes


def test_errors_are_recorded_and_go_on_untouched(api: Any, recorded: Any) -> None:
    """An API error has its status, message and request id in the span."""
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": "too long"}}
    api.reply(body, status=400, request_id="req_bad")
    with pytest.raises(anthropic.BadRequestError) as raised:
        client(api).messages.create(**ASKED)
    assert raised.value.request_id == "req_bad"
    span = recorded.span()
    assert (span.status, span.error_type) == ("error", "anthropic.BadRequestError")
    assert "too long" in (span.error_message or "")
    assert span.attributes["http.response.status_code"] == 400
    assert span.attributes["request_id"] == "req_bad"
    assert "clustertrace.missing" not in span.attributes


def test_retries_are_part_of_one_call(api: Any, recorded: Any) -> None:
    """Two refusals and an answer are one span that went well."""
    busy = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    for _ in range(2):
        api.reply(busy, status=529, retry_after_ms="1")
    api.reply(MESSAGE)
    client(api).messages.create(**ASKED)
    assert len(api.requests) == 3
    check_whole(recorded.span())


def test_raw_responses_are_recorded(api: Any, recorded: Any) -> None:
    """with_raw_response: the reply, and the stream behind it, however soon the response goes."""
    api.reply(MESSAGE).stream(EVENTS)
    raw = client(api).messages.with_raw_response
    assert raw.create(**ASKED).parse().id == "msg_1"
    assert len(list(raw.create(stream=True, **ASKED).parse())) == len(EVENTS)
    for span in recorded.spans():
        check_whole(span)


def test_streaming_responses_are_recorded_as_they_are_read(api: Any, recorded: Any) -> None:
    """with_streaming_response: parsed or read, it is recorded; taken as bytes, the span says so."""
    body = json.dumps(MESSAGE).encode()
    for _ in range(3):
        api.stream([body], content_type="application/json")
    api.stream(EVENTS)
    streaming = client(api).messages.with_streaming_response
    with streaming.create(**ASKED) as response:
        assert response.parse().id == "msg_1"
    with streaming.create(**ASKED) as response:
        assert response.read() == body
    with streaming.create(**ASKED) as response:
        assert b"".join(response.iter_bytes()) == body
    with streaming.create(stream=True, **ASKED) as response:
        assert len(list(response.parse())) == len(EVENTS)
    parsed, read, taken, streamed = recorded.spans()
    for span in (parsed, read, streamed):
        check_whole(span)
    assert taken.attributes["clustertrace.missing"] == (
        "output, tokens: the program read the response's bytes itself"
    )


def test_async_raw_responses_are_recorded(api: Any, recorded: Any) -> None:
    """Raw responses of the async client are recorded as those of the plain one."""
    api.reply(MESSAGE).stream(EVENTS).stream([json.dumps(MESSAGE).encode()])

    async def main() -> None:
        async with async_client(api) as wrapped:
            raw = wrapped.messages.with_raw_response
            response: Any = await raw.create(**ASKED)
            assert (await response.parse()).id == "msg_1"
            response = await raw.create(stream=True, **ASKED)
            assert len([event async for event in await response.parse()]) == len(EVENTS)
            streaming = wrapped.messages.with_streaming_response
            async with streaming.create(**ASKED) as response:
                assert (await response.parse()).id == "msg_1"

    asyncio.run(main())
    spans = recorded.spans()
    assert len(spans) == 3
    for span in spans:
        check_whole(span)


def test_each_turn_of_a_tool_runner_is_a_call(api: Any, recorded: Any) -> None:
    """The SDK's own loop goes through the same calls."""
    done = MESSAGE | {"content": [{"type": "text", "text": "18 C"}], "stop_reason": "end_turn"}
    api.reply(MESSAGE).reply(done)

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """Say what the weather is like."""
        return f"18 C in {city}"

    client(api).beta.messages.tool_runner(tools=[weather], **ASKED).until_done()
    first, second = recorded.spans()
    assert first.output == SAID
    assert second.input[-1]["role"] == "tool"
    assert second.output == [{"role": "assistant", "content": "18 C"}]


def aws_event(event: dict[str, Any]) -> bytes:
    """An event in Amazon's binary framing."""
    inner = base64.b64encode(json.dumps(event).encode()).decode()
    payload = json.dumps({"bytes": inner}).encode()
    headers = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in (
            (b":event-type", b"chunk"),
            (b":content-type", b"application/json"),
            (b":message-type", b"event"),
        )
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    framed = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + payload
    return framed + struct.pack(">I", binascii.crc32(framed))


BEDROCK = {"aws_access_key": "a", "aws_secret_key": "b", "aws_region": "us-east-1"}
FOUNDRY = {"api_key": "k", "resource": "r"}
VERTEX = {"region": "us-east5", "project_id": "p", "access_token": "t"}


@pytest.mark.parametrize(
    ("kind", "options", "provider"),
    [
        (anthropic.AnthropicBedrock, BEDROCK, "aws.bedrock"),
        (anthropic.AnthropicVertex, VERTEX, "gcp.vertex_ai"),
        (anthropic.AnthropicFoundry, FOUNDRY, "azure"),
    ],
)
def test_other_clouds_are_recorded_as_such(
    api: Any, recorded: Any, kind: Any, options: Any, provider: str
) -> None:
    """Bedrock, Vertex, Foundry: messages, streams and beta, under the name of who is paid."""
    api.reply(MESSAGE)
    if provider == "aws.bedrock":
        api.stream(map(aws_event, EVENTS), content_type="application/vnd.amazon.eventstream")
    else:
        api.stream(EVENTS)
    api.reply(MESSAGE)
    wrapped = clustertrace.wrap_anthropic(kind(http_client=api.client(), **options))
    assert type(wrapped) is kind
    wrapped.messages.create(**ASKED)
    assert len(list(wrapped.messages.create(stream=True, **ASKED))) == len(EVENTS)
    wrapped.with_options(timeout=3).beta.messages.create(**ASKED)
    spans = recorded.spans()
    assert len(spans) == 3
    for span in spans:
        check_whole(span._replace(provider="anthropic"))
        assert span.provider == provider


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (anthropic.AsyncAnthropicBedrock, BEDROCK),
        (anthropic.AsyncAnthropicVertex, VERTEX),
        (anthropic.AsyncAnthropicFoundry, FOUNDRY),
    ],
)
def test_other_clouds_async_clients_are_recorded(
    api: Any, recorded: Any, kind: Any, options: Any
) -> None:
    """Async clients for other clouds are recorded as the plain ones."""
    api.reply(MESSAGE)

    async def main() -> None:
        async with kind(http_client=api.async_client(), **options) as made:
            await clustertrace.wrap_anthropic(made).messages.create(**ASKED)

    asyncio.run(main())
    check_whole(recorded.span()._replace(provider="anthropic"))


def test_a_reply_that_cannot_be_read_reaches_the_program(
    api: Any, recorded: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The span says what it lacks, the log says why, once; the program has its reply."""
    api.reply(MESSAGE | {"content": 5})
    wrapped = client(api)
    with caplog.at_level(logging.WARNING, "clustertrace"):
        for _ in range(2):
            assert wrapped.messages.create(**ASKED).id == "msg_1"
    assert [span.status for span in recorded.spans()] == ["ok", "ok"]
    missing = recorded.spans()[0].attributes["clustertrace.missing"]
    assert missing == "output, tokens: TypeError on reading the reply"
    assert len(caplog.records) == 1


def test_pictures_are_kept_as_their_size(api: Any, recorded: Any) -> None:
    """Encoded bytes would push the words out of the record."""
    api.reply(MESSAGE)
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0K" * 20_000}
    content: Any = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    client(api).messages.create(
        model=MODEL, max_tokens=9, messages=[{"role": "user", "content": content}]
    )
    picture, words = recorded.span().input[0]["content"]
    assert picture["source"]["data"] == "[160000 characters of encoded data]"
    assert words["text"] == "What is it?"
    assert json.loads(api.requests[0].content)["messages"][0]["content"][0]["source"] == source


def test_metadata_only_keeps_no_content(
    api: Any, recorded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With CLUSTERTRACE_CAPTURE=metadata counts and ids are recorded, and nothing that was said."""
    monkeypatch.setenv("CLUSTERTRACE_CAPTURE", "metadata")
    api.stream(EVENTS)
    tools: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
    list(client(api).messages.create(stream=True, tools=tools, system="Be brief.", **ASKED))
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for text in (b"Weather?", b"look.", b"Be brief", b"Paris", b"input_schema"):
        assert text not in files
    span = recorded.span()
    assert (span.input, span.output, span.input_tokens) == (None, None, 1050)
    assert span.attributes["gen_ai.response.id"] == "msg_1"


@pytest.mark.parametrize("name", ["DISABLED", "SAMPLE_RATE"])
def test_nothing_is_recorded_where_nothing_shall_be(
    api: Any, recorded: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Disabled or not sampled, calls and streams work and leave nothing."""
    monkeypatch.setenv(f"CLUSTERTRACE_{name}", "1" if name == "DISABLED" else "0")
    api.reply(MESSAGE).stream(EVENTS)
    wrapped = client(api)
    assert wrapped.messages.create(**ASKED).id == "msg_1"
    assert len(list(wrapped.messages.create(stream=True, **ASKED))) == len(EVENTS)
    assert recorded.spans() == []


@pytest.mark.parametrize("thing", [None, "client", anthropic, anthropic.Anthropic, object()])
def test_what_is_no_client_is_refused(thing: Any) -> None:
    """A sentence says what to hand in."""
    with pytest.raises(UsageError, match=r"wrap_anthropic\(\) expects a client of the anthropic"):
        clustertrace.wrap_anthropic(thing)
