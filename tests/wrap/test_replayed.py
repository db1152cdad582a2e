"""Model calls of the real SDKs answered from a recording: the program sees what it saw before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

import clustertrace
from clustertrace.replay.running import Rerun, rerun
from clustertrace.testing import capture_traces

CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-6",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Paris"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 120, "cache_read_input_tokens": 900, "output_tokens": 25},
}
CHAT = {
    "id": "chatcmpl-1",
    "created": 1,
    "object": "chat.completion",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
                    }
                ],
            },
        }
    ],
    "usage": {"prompt_tokens": 82, "completion_tokens": 17, "total_tokens": 99},
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-4o-mini-2024-07-18",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
        },
        {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"city": "Paris"}',
        },
    ],
    "usage": {
        "input_tokens": 82,
        "output_tokens": 17,
        "total_tokens": 99,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens_details": {"reasoning_tokens": 8},
    },
}
GEMINI = {
    "candidates": [
        {
            "index": 0,
            "finishReason": "STOP",
            "content": {
                "role": "model",
                "parts": [
                    {"text": "I look."},
                    {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Paris"}}},
                ],
            },
        }
    ],
    "modelVersion": "gemini-2.5-flash",
    "responseId": "r1",
    "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 7},
}
ASKED: Any = [{"role": "user", "content": "Weather?"}]


def claude(api: Any) -> Any:
    """A wrapped client of the fake API."""
    return clustertrace.wrap_anthropic(
        anthropic.Anthropic(api_key="k", http_client=api.client(), max_retries=0)
    )


def claude_async(api: Any) -> Any:
    """As `claude`, awaited."""
    return clustertrace.wrap_anthropic(
        anthropic.AsyncAnthropic(api_key="k", http_client=api.async_client(), max_retries=0)
    )


def gpt(api: Any) -> Any:
    """A wrapped client of the fake API."""
    return clustertrace.wrap_openai(
        openai.OpenAI(api_key="k", http_client=api.client(), max_retries=0)
    )


def gemini(api: Any) -> Any:
    """A wrapped client of the fake API."""
    http = types.HttpOptions(httpx_client=api.client(), httpx_async_client=api.async_client())
    return clustertrace.wrap_gemini(genai.Client(api_key="k", http_options=http))


def of_message(message: Any) -> list[Any]:
    """What a program reads of Anthropic's message."""
    blocks = [
        (block.type, getattr(block, "text", None), getattr(block, "input", None))
        for block in message.content
    ]
    return [*blocks, message.stop_reason, message.usage.input_tokens, message.usage.output_tokens]


def claude_whole(api: Any) -> Any:
    return of_message(claude(api).messages.create(model="m", max_tokens=9, messages=ASKED))


def claude_streamed(api: Any) -> Any:
    with claude(api).messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
        texts = list(stream.text_stream)
        return ["".join(texts), *of_message(stream.get_final_message())]


def claude_awaited(api: Any) -> Any:
    async def ask() -> Any:
        client = claude_async(api)
        return of_message(await client.messages.create(model="m", max_tokens=9, messages=ASKED))

    return asyncio.run(ask())


def claude_awaited_stream(api: Any) -> Any:
    async def ask() -> Any:
        client = claude_async(api)
        async with client.messages.stream(model="m", max_tokens=9, messages=ASKED) as stream:
            return of_message(await stream.get_final_message())

    return asyncio.run(ask())


def chat_whole(api: Any) -> Any:
    done = gpt(api).chat.completions.create(model="m", messages=ASKED)
    (choice,) = done.choices
    (call,) = choice.message.tool_calls
    return [choice.message.content, choice.finish_reason, call.id, call.function.name]


def chat_streamed(api: Any) -> Any:
    more = {"stream_options": {"include_usage": True}}
    chunks = list(gpt(api).chat.completions.create(model="m", messages=ASKED, stream=True, **more))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    return [
        "".join(delta.content or "" for delta in deltas),
        [call.function.arguments for delta in deltas for call in delta.tool_calls or ()],
        chunks[-1].usage.total_tokens,
    ]


def response_whole(api: Any) -> Any:
    done = gpt(api).responses.create(model="m", input="Weather?")
    call = done.output[-1]
    return [done.output_text, call.name, call.arguments, call.call_id, done.usage.input_tokens]


def response_streamed(api: Any) -> Any:
    with gpt(api).responses.stream(model="m", input="Weather?") as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        done = stream.get_final_response()
    return ["".join(texts), done.output_text, done.output[-1].arguments, done.status]


def gemini_whole(api: Any) -> Any:
    done = gemini(api).models.generate_content(model="gemini-2.5-flash", contents="Weather?")
    (call,) = done.function_calls
    return [done.candidates[0].content.parts[0].text, call.name, call.args]


def gemini_streamed(api: Any) -> Any:
    models = gemini(api).models
    chunks = list(models.generate_content_stream(model="gemini-2.5-flash", contents="Weather?"))
    return [call.args for chunk in chunks for call in chunk.function_calls or ()]


def gemini_awaited_stream(api: Any) -> Any:
    async def ask() -> Any:
        models = gemini(api).aio.models
        stream = await models.generate_content_stream(model="gemini-2.5-flash", contents="Hm?")
        return [part.text async for chunk in stream for part in chunk.candidates[0].content.parts]

    return asyncio.run(ask())


def anthropic_events() -> list[dict[str, Any]]:
    from clustertrace.wrap.anthropic_replies import events_of

    return list(events_of(CLAUDE))


def chat_pieces() -> list[Any]:
    from clustertrace.wrap.openai_replies import chat_chunks

    chunks = [one for one in chat_chunks(CHAT) if not isinstance(one, str)]
    return [*chunks, b"data: [DONE]\n\n"]


def response_pieces() -> list[dict[str, Any]]:
    from clustertrace.wrap.openai_replies import response_events

    return list(response_events(RESPONSE))


WHOLE = [
    (claude_whole, CLAUDE),
    (claude_awaited, CLAUDE),
    (chat_whole, CHAT),
    (response_whole, RESPONSE),
    (gemini_whole, GEMINI),
]
STREAMED = [
    (claude_streamed, anthropic_events),
    (claude_awaited_stream, anthropic_events),
    (chat_streamed, chat_pieces),
    (response_streamed, response_pieces),
    (gemini_streamed, lambda: [GEMINI]),
    (gemini_awaited_stream, lambda: [GEMINI]),
]


def seen_twice(program: Callable[[Any], Any], api: Any) -> tuple[list[Any], Rerun]:
    """What a program saw on the API and what it sees on the recording, without the API."""
    seen: list[Any] = []

    @clustertrace.trace(kind="agent", skip=("api",))
    def run(api: Any = api) -> None:
        seen.append(program(api))

    with capture_traces() as traces:
        run()
    sent = len(api.requests)
    assert sent == 1
    with capture_traces():
        result = rerun(run, traces.one(), stub="llm")
    assert len(api.requests) == sent
    return seen, result


@pytest.mark.parametrize(("program", "body"), WHOLE)
def test_whole_reply(program: Callable[[Any], Any], body: dict[str, Any], api: Any) -> None:
    """A reply from the recording reads as the first one did, and no request is sent."""
    seen, result = seen_twice(program, api.reply(body))
    assert result.error is None
    assert result.played == 1
    assert seen[1] == seen[0]


def chat_refused(api: Any) -> Any:
    (choice,) = gpt(api).chat.completions.create(model="m", messages=ASKED).choices
    return [choice.message.content, choice.message.refusal, choice.finish_reason]


def response_refused(api: Any) -> Any:
    done = gpt(api).responses.create(model="m", input="Weather?")
    return [done.output[0].content[0].refusal, done.status, done.incomplete_details]


SAID_NO = {"role": "assistant", "content": None, "refusal": "No."}
CHAT_REFUSED = CHAT | {"choices": [{"index": 0, "finish_reason": "stop", "message": SAID_NO}]}
PART_NO = {"type": "refusal", "refusal": "No."}
ITEM_NO = {"id": "m", "type": "message", "role": "assistant", "content": [PART_NO]}
RESPONSE_REFUSED = RESPONSE | {"output": [ITEM_NO | {"status": "completed"}]}


@pytest.mark.parametrize(
    ("program", "body"), [(chat_refused, CHAT_REFUSED), (response_refused, RESPONSE_REFUSED)]
)
def test_a_refusal(program: Callable[[Any], Any], body: dict[str, Any], api: Any) -> None:
    """The recording calls it the reason; the program reads the reason that OpenAI gave."""
    seen, _ = seen_twice(program, api.reply(body))
    assert seen[1] == seen[0]
    assert "No." in seen[0]


@pytest.mark.parametrize(("program", "pieces"), STREAMED)
def test_streamed_reply(
    program: Callable[[Any], Any], pieces: Callable[[], list[Any]], api: Any
) -> None:
    """A stream from the recording gives what the first one gave."""
    seen, result = seen_twice(program, api.stream(pieces()))
    assert result.error is None
    assert result.played == 1
    assert seen[1] == seen[0]


def test_a_refused_call_is_refused_again_with_the_sdks_own_exception(api: Any) -> None:
    """A call that the provider refused is refused again, with the SDK's own exception."""
    caught: list[Any] = []

    def program(api: Any) -> None:
        try:
            claude_whole(api)
        except anthropic.RateLimitError as error:
            caught.append(error.status_code)

    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}
    seen_twice(program, api.reply(error, 429))
    assert caught == [429, 429]


def test_another_model(api: Any) -> None:
    """A replay may ask another model in every call that a wrapped client makes."""

    @clustertrace.trace(kind="agent", skip=("api",))
    def run(api: Any = api) -> Any:
        return chat_whole(api)

    api.reply(CHAT)
    with capture_traces() as traces:
        run()
    with capture_traces() as again:
        rerun(run, traces.one(), model="gpt-5")
    assert b'"model":"gpt-5"' in api.requests[-1].content.replace(b": ", b":")
    assert again.one().spans[1].name == "chat gpt-5"
