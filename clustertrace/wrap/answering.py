"""Answer a model call from a recording (clustertrace.record.playback), through the SDK's own code.

The SDK sends its request as usual, but to a transport that returns the recorded reply. So the
program gets the SDK's own types, streams and errors included, and nothing leaves the process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from types import MethodType
from typing import Any, Final

from clustertrace.record import playback
from clustertrace.record.playback import RecordedReply
from clustertrace.wrap.calls import ModelCall

__all__ = ["error_body", "recorded_reply", "sender", "with_model"]

_TRANSPORTS: Final = frozenset({"httpx", "httpx2"})


def recorded_reply(call: ModelCall) -> RecordedReply | None:
    """The recorded reply to answer a call with; None if the call is to be made."""
    player = playback.player
    return None if player is None else player.reply(call.span, call.operation)


def with_model(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A request's body, with the model replaced if the player asks for another one."""
    player = playback.player
    if player is None or player.model is None or "model" not in body:
        return body
    return {**body, "model": player.model}


def sender(client: Any, send: Callable[..., Any], call: ModelCall) -> Callable[..., Any]:
    """How a client of Anthropic or OpenAI sends a call: by `send`, or to a recorded reply."""
    reply = recorded_reply(call)
    if reply is None:
        return send
    kind = type(client)
    http = _library_of(client._client)
    transport = http.MockTransport(lambda request: _response(http, call, reply, request))
    is_async = hasattr(client._client, "aclose")
    fake = (http.AsyncClient if is_async else http.Client)(transport=transport)
    playing = kind.copy(client, http_client=fake, max_retries=0)
    return MethodType(kind.post, playing)


def _library_of(http_client: Any) -> Any:
    """The HTTP library behind a client; SDKs use different ones, and subclass their clients."""
    names = (base.__module__.partition(".")[0] for base in type(http_client).__mro__)
    return sys.modules[next(name for name in names if name in _TRANSPORTS)]


def _response(http: Any, call: ModelCall, reply: RecordedReply, request: Any) -> Any:
    if reply.error is not None and reply.status_code is None:
        raise http.ConnectError(reply.error, request=request)
    if reply.error is not None:
        return http.Response(reply.status_code, json=error_body(reply.error))
    body = call.body_of(reply)
    if not json.loads(request.content or b"{}").get("stream"):
        return http.Response(200, json=body)
    lines = [_event(event) for event in call.events_of(body)]
    return http.Response(
        200, content="".join(lines).encode(), headers={"content-type": "text/event-stream"}
    )


def _event(event: Mapping[str, Any] | str) -> str:
    if isinstance(event, str):
        return f"data: {event}\n\n"
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"


def error_body(message: str) -> dict[str, Any]:
    """An error response in the providers' format."""
    return {"type": "error", "error": {"type": "recorded_error", "message": message}}
