"""Google's client (google-genai), for the Gemini API and Vertex AI, sync and async.

All of its resources send through one inner client. A wrapped client has its own view of that
object, so each request to a model is one span, including those of automatic function calling.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeVar

from clustertrace.errors import UsageError
from clustertrace.record.active import current, leave
from clustertrace.wrap.answering import error_body, recorded_reply
from clustertrace.wrap.calls import ModelCall, begin
from clustertrace.wrap.disguise import disguised
from clustertrace.wrap.gemini_content import CONTENT, EMBEDDINGS, is_embedding
from clustertrace.wrap.streams import StreamWatch

__all__ = ["wrap_gemini"]

C = TypeVar("C")

_ENDPOINTS: Final = {
    "generateContent": CONTENT,
    "streamGenerateContent": CONTENT,
    "batchEmbedContents": EMBEDDINGS,
    "embedContent": EMBEDDINGS,
    "predict": EMBEDDINGS,
}
"""Endpoints, by the method at the end of the path."""


def wrap_gemini(client: C) -> C:
    """A copy of a google-genai client whose model calls are recorded, one span each.

    Takes `genai.Client` and its `aio`; `models` and `chats`, sync and async, are recorded. The
    copy is of the same type and shares the client's connections; the client itself stays
    unrecorded. Raises UsageError for anything else.

        client = clustertrace.wrap_gemini(google.genai.Client())
    """
    kind: Any = type(client)
    inner = getattr(client, "_api_client", None)
    if not kind.__module__.startswith("google.genai") or inner is None:
        raise UsageError(
            f"wrap_gemini() expects a client of the google-genai package, not {kind.__name__!r}; "
            "hand in the client that your program calls."
        )
    if hasattr(kind, "_clustertrace_wraps"):
        return client
    return _view(client, _recorded_api(inner))  # type: ignore[no-any-return]


def _view(client: Any, api: Any) -> Any:
    """A client that shares everything with `client` except what it sends model calls through."""
    kind: Any = type(client)
    view = object.__new__(_recorded_client(kind))
    vars(view).update(vars(client), _api_client=api)
    view._clustertrace_wraps = client
    view._clustertrace_models = type(client.models)(api)
    if hasattr(client, "aio"):
        view._clustertrace_aio = _view(client.aio, api)
    return view


def _recorded_api(api: Any) -> Any:
    kind: Any = type(api)
    view = object.__new__(_recorded_api_type(kind))
    # One state, seen through two types: tokens and sessions are refreshed for both.
    view.__dict__ = api.__dict__
    view._clustertrace_wraps = api
    return view


@cache
def _recorded_client(kind: Any) -> Any:
    class Recorded(kind):  # type: ignore[misc]
        __slots__ = ("_clustertrace_aio", "_clustertrace_models", "_clustertrace_wraps")

        def __del__(self) -> None:
            """Leave the connections open; the client that made them closes them."""

        @property
        def models(self) -> Any:
            return self._clustertrace_models

        if hasattr(kind, "aio"):

            @property
            def aio(self) -> Any:
                return self._clustertrace_aio

    return disguised(Recorded, kind)


@cache
def _recorded_api_type(kind: Any) -> Any:
    class Recorded(kind):  # type: ignore[misc]
        __slots__ = ("_clustertrace_wraps",)

        def __del__(self) -> None:
            """Leave the connections open."""

        def request(
            self, http_method: str, path: str, body: Any, *args: Any, **options: Any
        ) -> Any:
            call = _opened(self, path, body)
            if call is None:
                return super().request(http_method, path, body, *args, **options)
            token = current.set(call.span)
            try:
                response = _sent(call, super().request, http_method, path, body, *args, **options)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                leave(call.span, token)
            _take(call, response)
            return response

        async def async_request(
            self, http_method: str, path: str, body: Any, *args: Any, **options: Any
        ) -> Any:
            call = _opened(self, path, body)
            if call is None:
                return await super().async_request(http_method, path, body, *args, **options)
            token = current.set(call.span)
            try:
                send = super().async_request
                response = await _awaited(call, send, http_method, path, body, *args, **options)
            except BaseException as error:
                call.fail(error)
                raise
            finally:
                leave(call.span, token)
            _take(call, response)
            return response

        def request_streamed(
            self, http_method: str, path: str, body: Any, *args: Any, **options: Any
        ) -> Any:
            call = _opened(self, path, body)
            send = super().request_streamed
            return _streamed(call, send, http_method, path, body, *args, **options)

        async def async_request_streamed(
            self, http_method: str, path: str, body: Any, *args: Any, **options: Any
        ) -> Any:
            call = _opened(self, path, body)
            send = super().async_request_streamed
            if call is None:
                return await send(http_method, path, body, *args, **options)
            try:
                chunks = await _awaited(
                    call, send, http_method, path, body, *args, adapt=_single_chunk, **options
                )
            except BaseException as error:
                call.fail(error)
                raise
            return _guarded(call, chunks, _watched_async)

    return disguised(Recorded, kind)


def _opened(api: Any, path: str, body: Any) -> ModelCall | None:
    model, _, method = path.partition("?")[0].rpartition(":")
    endpoint = _ENDPOINTS.get(method)
    if endpoint is None or not isinstance(body, Mapping):
        return None
    if method == "predict" and not is_embedding(body):
        return None
    provider = "gcp.vertex_ai" if getattr(api, "vertexai", False) else "google"
    streamed = {"stream": True} if method == "streamGenerateContent" else {}
    return begin(endpoint, provider, {**body, "model": model, **streamed})


def _recorded_response(call: ModelCall) -> Any:
    """The recorded response to answer a call with; None if the call is to be made."""
    reply = recorded_reply(call)
    if reply is None:
        return None
    from google.genai import errors, types

    if reply.error is not None:
        raise errors.APIError(reply.status_code or 503, error_body(reply.error))
    return types.HttpResponse(headers={}, body=json.dumps(call.body_of(reply)))


def _sent(call: ModelCall, send: Callable[..., Any], *request: Any, **options: Any) -> Any:
    recorded = _recorded_response(call)
    return send(*request, **options) if recorded is None else recorded


def _streamed(
    call: ModelCall | None, send: Callable[..., Any], *request: Any, **options: Any
) -> Any:
    if call is None:
        return send(*request, **options)
    recorded = _recorded_response(call)
    chunks = send(*request, **options) if recorded is None else [recorded]
    return _guarded(call, iter(chunks), _watched)


async def _awaited(
    call: ModelCall,
    send: Callable[..., Any],
    *request: Any,
    adapt: Callable[[Any], Any] = lambda recorded: recorded,
    **options: Any,
) -> Any:
    """As `_sent`; `adapt` turns a recorded response into what the SDK expects."""
    recorded = _recorded_response(call)
    return await send(*request, **options) if recorded is None else adapt(recorded)


async def _single_chunk(chunk: Any) -> AsyncIterator[Any]:
    yield chunk


def _take(call: ModelCall, response: Any) -> None:
    try:
        call.answer(json.loads(response.body) if response.body else {})
    except Exception as error:
        call.lose(error)


def _guarded(call: ModelCall, chunks: Any, watched: Callable[[StreamWatch, Any], Any]) -> Any:
    assembler = call.assembler()
    if assembler is None:
        return chunks
    watch = StreamWatch(call, assembler)
    stream = watched(watch, chunks)
    watch.guard(stream)
    return stream


def _watched(watch: StreamWatch, chunks: Iterator[Any]) -> Iterator[Any]:
    while True:
        try:
            chunk = next(chunks)
        except StopIteration:
            watch.finished()
            return
        except BaseException as error:
            watch.failed(error)
            raise
        watch.chunk(chunk)
        try:
            yield chunk
        except GeneratorExit:
            watch.dropped()
            raise


async def _watched_async(watch: StreamWatch, chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
    while True:
        try:
            chunk = await anext(chunks)
        except StopAsyncIteration:
            watch.finished()
            return
        except BaseException as error:
            watch.failed(error)
            raise
        watch.chunk(chunk)
        try:
            yield chunk
        except GeneratorExit:
            watch.dropped()
            raise
