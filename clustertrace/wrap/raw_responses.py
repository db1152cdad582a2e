"""Raw responses (`with_raw_response`, `with_streaming_response`): read as the program reads them.

Nothing is read that the program doesn't read. Where it takes the bytes themselves, the call is
recorded without its reply, and says so.
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

__all__ = ["take_raw", "unread"]

_CALL: Final = "_clustertrace_call"
_GUARD: Final = "_clustertrace_guard"


def take_raw(call: ModelCall, response: Any, streamed: bool) -> None:
    """End a call with a raw response, or watch the response until there is something to read."""
    if streamed or not _read_body(call, response.http_response):
        kind: Any = type(response)
        vars(response)[_CALL] = call
        # OpenAI's older class for it is not awaited, whichever client it comes from.
        awaited = kind.__name__.startswith("Async")
        response.__class__ = _awaited(kind) if awaited else _at_once(kind)
        vars(response)[_GUARD] = weakref.finalize(response, _let_go, call, os.getpid())


def _read_body(call: ModelCall, http_response: Any) -> bool:
    """End the call with a body that has been read; whether there was one."""
    try:
        body = http_response.content
    except Exception:  # httpx's: it is not read yet, and here nobody reads it
        return False
    if body:
        try:
            call.answer(http_response.json())
        except ValueError:
            call.end(unread)
    return True


def unread() -> Reply:
    """What is known of a reply that was not seen here."""
    return Reply(missing="output, tokens: the program read the response's bytes itself")


def _let_go(call: ModelCall, process: int) -> None:
    if not call.ended and os.getpid() == process:
        call.note(**{"clustertrace.stream": "abandoned", MISSING: unread().missing})
        call.end(Reply)


@quiet
def _parsed(response: Any, result: Any) -> None:
    call: ModelCall = vars(response)[_CALL]
    if is_stream(result):
        vars(response)[_GUARD].detach()  # the stream often outlives the response
        observed(result, call)
    else:
        _read_body(call, response.http_response)


@quiet
def _closed(response: Any) -> None:
    call: ModelCall = vars(response)[_CALL]
    if not call.ended and not _read_body(call, response.http_response):
        call.end(unread)


@cache
def _at_once(kind: Any) -> type:
    """A class of raw responses that tells its call when it is parsed or closed."""

    class Watched(kind):  # type: ignore[misc]
        def parse(self, **options: Any) -> Any:
            result = super().parse(**options)
            _parsed(self, result)
            return result

        if hasattr(kind, "close"):

            def close(self) -> None:
                _closed(self)
                super().close()

    return disguised(Watched, kind)


@cache
def _awaited(kind: Any) -> type:
    """As `_at_once`, for responses whose methods are awaited."""

    class Watched(kind):  # type: ignore[misc]
        async def parse(self, **options: Any) -> Any:
            result = await super().parse(**options)
            _parsed(self, result)
            return result

        async def close(self) -> None:
            _closed(self)
            await super().close()

    return disguised(Watched, kind)
