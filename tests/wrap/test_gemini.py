"""wrap_gemini on the real SDK, for the Gemini API and Vertex AI."""

from __future__ import annotations

import asyncio
import gc
import warnings
from typing import Any

import httpx2
import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import errors, types

import clustertrace
from clustertrace.errors import UsageError

MODEL = "gemini-2.5-flash"
USAGE = {
    "promptTokenCount": 100,
    "toolUsePromptTokenCount": 5,
    "cachedContentTokenCount": 40,
    "candidatesTokenCount": 7,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 115,
}
THOUGHT = {"text": "Hm.", "thought": True}
CALL = {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Paris"}}}


def reply(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> dict[str, Any]:
    """A reply of the API, or a chunk of one."""
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    if finish:
        candidate["finishReason"] = finish
    about = {"modelVersion": MODEL, "responseId": "r1"}
    return {"candidates": [candidate], "usageMetadata": USAGE, **about, **more}


WHOLE = reply(THOUGHT, {"text": "I look."}, CALL)
CHUNKS = [
    reply(THOUGHT, finish=None, usageMetadata={"promptTokenCount": 100}),
    reply({"text": "I "}, finish=None),
    reply({"text": "look."}, finish=None),
    reply(CALL),
]
SAID = [
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "I look."}],
        "tool_calls": [{"id": "c1", "name": "weather", "arguments": {"city": "Paris"}}],
    }
]


def made(api: Any, **options: Any) -> genai.Client:
    """A client of the fake API."""
    http = types.HttpOptions(httpx_client=api.client(), httpx_async_client=api.async_client())
    return genai.Client(**({"api_key": "k"} | options), http_options=http)


def client(api: Any, **options: Any) -> genai.Client:
    """The same, wrapped; nobody else holds the original."""
    return clustertrace.wrap_gemini(made(api, **options))


def check_whole(span: Any) -> None:
    """The span holds all of the reply above."""
    assert (span.name, span.kind, span.status) == (f"generate_content {MODEL}", "llm", "ok")
    assert (span.model, span.provider, span.finish_reason) == (MODEL, "google", "STOP")
    assert (span.input_tokens, span.output_tokens, span.reasoning_tokens) == (105, 10, 3)
    assert (span.cache_read_tokens, span.output) == (40, SAID)
    assert span.attributes["gen_ai.response.id"] == "r1"
    assert "clustertrace.missing" not in span.attributes
    assert "clustertrace.stream" not in span.attributes


def test_a_call_is_recorded_whole(api: Any, recorded: Any) -> None:
    """Contents, system instruction, parameters, reply and counts are in one span."""
    api.reply(WHOLE)
    config = types.GenerateContentConfig(
        system_instruction="Brief.", temperature=0.5, max_output_tokens=9, stop_sequences=["END"]
    )
    contents: Any = [
        types.Content(role="user", parts=[types.Part(text="Weather?")]),
        types.Content(role="model", parts=[types.Part.from_function_call(name="w", args={})]),
        types.Content(
            role="user",
            parts=[types.Part.from_function_response(name="w", response={"result": 18})],
        ),
    ]
    client(api).models.generate_content(model=MODEL, contents=contents, config=config)
    span = recorded.span()
    check_whole(span)
    assert span.input == [
        {"role": "system", "content": "Brief."},
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "tool_calls": [{"id": None, "name": "w", "arguments": {}}]},
        {"role": "tool", "tool_call_id": None, "name": "w", "content": [{"result": 18}]},
    ]
    attributes = span.attributes
    assert (attributes["gen_ai.request.temperature"], attributes["gen_ai.request.max_tokens"]) == (
        0.5,
        9,
    )
    assert attributes["gen_ai.request.stop_sequences"] == ["END"]


def test_the_wrapped_client_is_the_same_and_shares_its_connections(api: Any, recorded: Any) -> None:
    """It is a genai.Client; neither of the two going away closes the other's connections."""
    api.reply(WHOLE)
    original = made(api)
    wrapped = clustertrace.wrap_gemini(original)
    assert isinstance(wrapped, genai.Client)
    assert type(wrapped).__name__ == "Client"
    assert isinstance(wrapped.aio, type(original.aio))
    assert clustertrace.wrap_gemini(wrapped) is wrapped
    wrapped.models.generate_content(model=MODEL, contents="Weather?")
    del wrapped
    gc.collect()
    original.models.generate_content(model=MODEL, contents="Weather?")
    again = clustertrace.wrap_gemini(original)
    del original
    gc.collect()
    again.models.generate_content(model=MODEL, contents="Weather?")
    assert len(recorded.spans()) == 2
    again.close()


def test_a_stream_is_one_span_with_its_timeline(api: Any, recorded: Any) -> None:
    """Chunks are put together, and the last one's counts hold."""
    api.stream(CHUNKS)
    stream = client(api).models.generate_content_stream(model=MODEL, contents="Weather?")
    assert [chunk.text for chunk in stream][1:3] == ["I ", "look."]
    span = recorded.span()
    check_whole(span)
    sizes = [size for _, size in span.attributes["clustertrace.stream.chunks"]]
    assert sizes[:3] == [3, 2, 5]
    assert span.attributes["gen_ai.response.time_to_first_chunk"] > 0


def test_an_abandoned_stream_keeps_its_part(api: Any, recorded: Any) -> None:
    """Leaving the loop early ends the span, without an error."""
    api.stream(CHUNKS)
    for chunk in client(api).models.generate_content_stream(model=MODEL, contents="Weather?"):
        if chunk.text == "I ":
            break
    gc.collect()
    span = recorded.span()
    assert (span.status, span.attributes["clustertrace.stream"]) == ("ok", "abandoned")
    assert span.output[0]["content"][1]["text"] == "I "


def test_a_stream_that_breaks_off_keeps_its_part(api: Any, recorded: Any) -> None:
    """The exception reaches the program as it was, and the span."""
    api.stream(CHUNKS[:2], then=httpx2.ReadError("reset"))
    with pytest.raises(httpx2.ReadError, match="reset"):
        list(client(api).models.generate_content_stream(model=MODEL, contents="Weather?"))
    span = recorded.span()
    assert (span.status, span.attributes["clustertrace.stream"]) == ("error", "failed")
    assert span.output[0]["content"][1]["text"] == "I "


def test_each_call_of_automatic_function_calling_is_a_span(api: Any, recorded: Any) -> None:
    """The tool runs between two model calls and nests beside them."""
    api.reply(reply(CALL)).reply(reply({"text": "18 C"}))

    @clustertrace.trace(kind="tool")
    def weather(city: str) -> str:
        """Say what the weather is like."""
        return "18 C"

    @clustertrace.trace(kind="agent")
    def agent() -> str | None:
        chat = client(api).chats.create(
            model=MODEL, config=types.GenerateContentConfig(tools=[weather])
        )
        return chat.send_message("Weather?").text

    assert agent() == "18 C"
    above, first, tool, second = recorded.spans()
    assert [span.parent_span_id for span in (first, tool, second)] == [above.span_id] * 3
    assert [span.kind for span in (first, tool, second)] == ["llm", "tool", "llm"]
    assert first.attributes["gen_ai.tool.definitions"]
    assert second.input[-1]["role"] == "tool"


def test_errors_are_recorded_and_go_on_untouched(api: Any, recorded: Any) -> None:
    """An API error has its status and message in the span."""
    error = {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}
    api.reply({"error": error}, status=429)
    with pytest.raises(errors.ClientError):
        client(api).models.generate_content(model=MODEL, contents="Weather?")
    span = recorded.span()
    assert (span.status, span.error_type) == ("error", "google.genai.errors.ClientError")
    assert "Quota exceeded" in (span.error_message or "")
    assert span.attributes["http.response.status_code"] == 429


def test_a_blocked_prompt_says_why(api: Any, recorded: Any) -> None:
    """Without a candidate, the reason to block is the reason to finish."""
    api.reply({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE})
    client(api).models.generate_content(model=MODEL, contents="Weather?")
    assert (recorded.span().finish_reason, recorded.span().output) == ("SAFETY", None)


def test_async_calls_are_recorded(api: Any, recorded: Any, cancelled_after: Any) -> None:
    """generate_content, streams, chats and errors of `aio`; one stream is cancelled."""
    api.reply(WHOLE).stream(CHUNKS).reply(WHOLE).stream(CHUNKS[:2], then="wait")
    api.reply({"error": {"code": 500, "message": "no"}}, status=500)

    async def main() -> None:
        aio = client(api).aio
        await aio.models.generate_content(model=MODEL, contents="Weather?")
        stream = await aio.models.generate_content_stream(model=MODEL, contents="Weather?")
        assert len([chunk async for chunk in stream]) == len(CHUNKS)
        await aio.chats.create(model=MODEL).send_message("Weather?")
        endless = await aio.models.generate_content_stream(model=MODEL, contents="Weather?")
        await cancelled_after(endless, 2)
        with pytest.raises(errors.ServerError):
            await aio.models.generate_content(model=MODEL, contents="Weather?")

    asyncio.run(main())
    *whole, endless, failed = recorded.spans()
    assert len(whole) == 3
    for span in whole:
        check_whole(span)
    assert endless.attributes["clustertrace.stream"] == "cancelled"
    assert endless.output[0]["content"][1]["text"] == "I "
    assert failed.error_type == "google.genai.errors.ServerError"


def test_an_async_client_alone_can_be_wrapped(api: Any, recorded: Any) -> None:
    """Whoever has only `aio` at hand wraps that."""
    api.reply(WHOLE)
    original = made(api)

    async def main() -> None:
        aio = clustertrace.wrap_gemini(original.aio)
        await aio.models.generate_content(model=MODEL, contents="Weather?")

    asyncio.run(main())
    check_whole(recorded.span())


def test_embeddings_are_recorded_without_their_vectors(api: Any, recorded: Any) -> None:
    """What was embedded, and how many vectors of how many numbers."""
    api.reply({"embeddings": [{"values": [0.1, 0.2, 0.3]}, {"values": [0.1, 0.2, 0.3]}]})
    client(api).models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    span = recorded.span()
    assert (span.name, span.kind) == ("embeddings gemini-embedding-001", "embedding")
    assert (span.input, span.output) == (["a", "b"], {"embeddings": 2, "dimensions": 3})


def test_vertex_is_recorded_as_such(api: Any, recorded: Any) -> None:
    """Models under the cloud's name; embeddings, which count tokens there; pictures left alone."""
    api.reply(WHOLE)
    statistics = {"token_count": 4, "truncated": False}
    api.reply({"predictions": [{"embeddings": {"values": [0.1, 0.2], "statistics": statistics}}]})
    api.reply({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "aGk="}]})
    cloud: dict[str, Any] = {"project": "p", "location": "us-central1", "vertexai": True}
    wrapped = client(api, api_key=None, credentials=_Credentials(), **cloud)
    wrapped.models.generate_content(model=MODEL, contents="Weather?")
    wrapped.models.embed_content(model="text-embedding-005", contents="a")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and said once a process
        wrapped.models.generate_images(model="imagen-4.0-generate-001", prompt="a cat")
    content, embedding = recorded.spans()
    check_whole(content._replace(provider="google"))
    assert content.provider == embedding.provider == "gcp.vertex_ai"
    assert (embedding.input, embedding.input_tokens) == (["a"], 4)


class _Credentials(AnonymousCredentials):  # type: ignore[misc, no-untyped-call]
    """A token that nobody asks about."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "t"


@pytest.mark.parametrize("thing", [None, genai, genai.Client, types.Part(text="x")])
def test_what_is_no_client_is_refused(thing: Any) -> None:
    """A sentence says what to hand in."""
    with pytest.raises(UsageError, match=r"wrap_gemini\(\) expects a client of the google-genai"):
        clustertrace.wrap_gemini(thing)
