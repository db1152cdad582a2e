"""Raw responses (`with_raw_response`, `with_streaming_response`), read when the program reads them.

Nothing is read that the program doesn't read. If it takes the bytes themselves, the call is
recorded without its reply, and the span says so.
"""

from __future__ import annotations

import os
import weakref
from functools import cache
from typing import Any, Final

from clustertrace.record.notices import quiet
from clustertrace.wrap.calls import MISSING, ModelCall
from clustertrace.wrap.disguise import disguised
from clustertrace.wrap.facts import Reply
from clustertrace.wrap.streams import is_stream, observed

__all__ = ["take_raw", "unseen_reply"]

_CALL: Final = "_clustertrace_call"
_GUARD: Final = "_clustertrace_guard"


def take_raw(call: ModelCall, response: Any, *, streamed: bool) -> None:
    """End a call with a raw response, or watch the response until the program reads it."""
    if streamed or not _read_body(call, response.http_response):
        kind: Any = type(response)
        vars(response)[_CALL] = call
        # OpenAI's older raw response class is not awaited, even when an async client returns it.
        is_async = kind.__name__.startswith("Async")
        response.__class__ = _watched_async(kind) if is_async else _watched_sync(kind)
        vars(response)[_GUARD] = weakref.finalize(response, _response_dropped, call, os.getpid())


def _read_body(call: ModelCall, http_response: Any) -> bool:
    """End the call with the body, if it has been read; returns whether it has."""
    try:
        body = http_response.content
    except Exception:  # httpx's, if the body is not read yet: that is up to the program
        return False
    if body:
        try:
            call.answer(http_response.json())
        except ValueError:
            call.end(unseen_reply)
    return True


def unseen_reply() -> Reply:
    """The reply of a call whose response's bytes went to the program unseen."""
    return Reply(missing="output, tokens: the program read the response's bytes itself")


def _response_dropped(call: ModelCall, process: int) -> None:
    if not call.ended and os.getpid() == process:
        call.note(**{"clustertrace.stream": "abandoned", MISSING: unseen_reply().missing})
        call.end(Reply)


@quiet
def _on_parsed(response: Any, result: Any) -> None:
    call: ModelCall = vars(response)[_CALL]
    if is_stream(result):
        vars(response)[_GUARD].detach()  # the stream often outlives the response
        observed(result, call)
    else:
        _read_body(call, response.http_response)


@quiet
def _on_closed(response: Any) -> None:
    call: ModelCall = vars(response)[_CALL]
    if not call.ended and not _read_body(call, response.http_response):
        call.end(unseen_reply)


@cache
def _watched_sync(kind: Any) -> type:
    """A subclass of a raw response that tells its call when it is parsed or closed."""

    class Watched(kind):  # type: ignore[misc]
        def parse(self, **options: Any) -> Any:
            result = super().parse(**options)
            _on_parsed(self, result)
            return result

        if hasattr(kind, "close"):

            def close(self) -> None:
                _on_closed(self)
                super().close()

    return disguised(Watched, kind)


@cache
def _watched_async(kind: Any) -> type:
    """As `_watched_sync`, for responses whose methods are awaited."""

    class Watched(kind):  # type: ignore[misc]
        async def parse(self, **options: Any) -> Any:
            result = await super().parse(**options)
            _on_parsed(self, result)
            return result

        async def close(self) -> None:
            _on_closed(self)
            await super().close()

    return disguised(Watched, kind)
