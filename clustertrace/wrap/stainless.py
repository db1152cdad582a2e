"""What the SDKs of Anthropic and OpenAI share: Stainless generates both from one template.

All their resources send through the client's public `post`, so a copy of the client with a
recording `post` sees each call once, whichever method made it: `create`, `parse`, `stream`, raw
responses, tool runners. Retries happen below it and are part of the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from types import MethodType
from typing import Any, Final, TypeVar

from clustertrace.errors import UsageError
from clustertrace.record.active import current, leave
from clustertrace.wrap.answering import sender, with_model
from clustertrace.wrap.calls import ModelCall, begin
from clustertrace.wrap.facts import Endpoint
from clustertrace.wrap.messages import plain
from clustertrace.wrap.raw_responses import take_raw, unseen_reply
from clustertrace.wrap.streams import is_stream, observed

__all__ = ["wrapped_client"]

C = TypeVar("C")

_MARK: Final = "_clustertrace_wrapped"
_REQUEST_IDS: Final = ("request-id", "x-request-id", "apim-request-id", "x-amzn-requestid")

Endpoints = Mapping[str, Endpoint]
"""Endpoints, by the path that is posted to, without its query."""


def wrapped_client(
    client: C, sdk: str, name: str, endpoints: Endpoints, provider: Callable[[Any], str]
) -> C:
    """A copy of a client that records its calls, or the client itself if it is such a copy.

    The copy shares the client's connections; the client itself stays unrecorded. Raises
    UsageError for anything but a client of `sdk`, the name of a package.
    """
    kinds = type(client).__mro__
    if not any(kind.__module__.partition(".")[0] == sdk for kind in kinds) or not all(
        callable(getattr(client, method, None)) for method in ("post", "copy")
    ):
        raise UsageError(
            f"{name}() expects a client of the {sdk} package, not {type(client).__name__!r}; "
            "hand in the client that your program calls."
        )
    if _MARK in vars(client):
        return client
    copied: C = _copy(client, endpoints, provider)
    return copied


def _copy(client: Any, endpoints: Endpoints, provider: Callable[[Any], str]) -> Any:
    kind = type(client)
    copy = object.__new__(kind)
    attributes = vars(copy)
    attributes.update(vars(client))
    attributes[_MARK] = True
    send = vars(client).get("post") or MethodType(kind.post, copy)
    is_async = any(base.__name__ == "AsyncAPIClient" for base in kind.__mro__)
    attributes["post"] = (_recorded_async if is_async else _recorded)(
        copy, send, endpoints, provider(copy)
    )
    for method in ("copy", "with_options"):
        attributes[method] = _copying(MethodType(getattr(kind, method), copy), endpoints, provider)
    for name, value in vars(client).items():
        if getattr(value, "_client", None) is not client:
            continue
        if isinstance(getattr(kind, name, None), cached_property):
            del attributes[name]  # made anew on first use, bound to the copy
        else:
            attributes[name] = type(value)(copy)
    return copy


def _copying(
    method: Callable[..., Any], endpoints: Endpoints, provider: Callable[[Any], str]
) -> Callable[..., Any]:
    def copied(*args: Any, **options: Any) -> Any:
        return _copy(method(*args, **options), endpoints, provider)

    return copied


def _endpoint(path: Any, endpoints: Endpoints) -> Endpoint | None:
    return endpoints.get(path.partition("?")[0]) if isinstance(path, str) else None


def _as_played(path: Any, options: dict[str, Any], endpoints: Endpoints) -> dict[str, Any]:
    """The options of a request, with the model that a replay asks for."""
    endpoint, body = _endpoint(path, endpoints), options.get("body")
    if endpoint is None or endpoint.body_of is None or not isinstance(body, Mapping):
        return options
    return {**options, "body": with_model(body)}


def _opened(
    path: Any, options: Mapping[str, Any], endpoints: Endpoints, provider: str
) -> ModelCall | None:
    endpoint = _endpoint(path, endpoints)
    body = options.get("body")
    if endpoint is None or not isinstance(body, Mapping):
        return None
    extra = (options.get("options") or {}).get("extra_json")
    sent = {**body, **extra} if isinstance(extra, Mapping) else body
    return begin(endpoint, provider, {key: sent[key] for key in sent if _is_given(sent[key])})


def _is_given(value: Any) -> bool:
    """Whether a parameter is sent at all; both SDKs have placeholders for omitted ones."""
    return type(value).__name__ not in ("Omit", "NotGiven")


def _recorded(
    client: Any,
    send: Callable[..., Any],
    endpoints: Endpoints,
    provider: str,
) -> Callable[..., Any]:
    def post(path: str, **options: Any) -> Any:
        options = _as_played(path, options, endpoints)
        call = _opened(path, options, endpoints, provider)
        if call is None:
            return send(path, **options)
        token = current.set(call.span)
        try:
            result = sender(client, send, call)(path, **options)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            leave(call.span, token)
        _take(call, result, streamed=bool(options.get("stream")))
        return result

    return post


def _recorded_async(
    client: Any,
    send: Callable[..., Any],
    endpoints: Endpoints,
    provider: str,
) -> Callable[..., Any]:
    async def post(path: str, **options: Any) -> Any:
        options = _as_played(path, options, endpoints)
        call = _opened(path, options, endpoints, provider)
        if call is None:
            return await send(path, **options)
        token = current.set(call.span)
        try:
            result = await sender(client, send, call)(path, **options)
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            leave(call.span, token)
        _take(call, result, streamed=bool(options.get("stream")))
        return result

    return post


def _take(call: ModelCall, result: Any, *, streamed: bool) -> None:
    """Take a request's result: a complete reply, a stream of one, or a raw response."""
    try:
        _take_result(call, result, streamed=streamed)
    except Exception as error:
        call.lose(error)


def _take_result(call: ModelCall, result: Any, *, streamed: bool) -> None:
    raw = getattr(result, "http_response", None)
    response = raw if raw is not None else getattr(result, "response", None)
    call.note(request_id=getattr(result, "_request_id", None) or _request_id(response))
    if raw is not None:
        take_raw(call, result, streamed=streamed)
    elif is_stream(result):
        observed(result, call)
    else:
        body = plain(result)
        call.answer(body) if isinstance(body, Mapping) else call.end(unseen_reply)


def _request_id(response: Any) -> str | None:
    headers = getattr(response, "headers", None)
    if not isinstance(headers, Mapping):
        return None
    return next((headers[name] for name in _REQUEST_IDS if name in headers), None)
