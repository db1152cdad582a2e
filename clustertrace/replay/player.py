"""Answers a program's calls from a recording while it runs (record.playback.Player)."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import orjson

from clustertrace.record.active import ActiveSpan
from clustertrace.record.callables import Sort
from clustertrace.record.playback import RecordedReply
from clustertrace.replay.recording import RecordedCall, Stubs
from clustertrace.replay.values import annotations_of, error_of, items_of, rebuilt

__all__ = ["LeftRecording", "RecordingPlayer"]


class LeftRecording(BaseException):
    """The program made a call that the recording does not hold.

    Not an Exception: an agent that carries on after any error would hide that its run diverged.
    """


class RecordingPlayer:
    """Plays each recorded call once: one with the same arguments, else the next of the same name.

    Once all are played, further calls are real if `live_after`. Otherwise, and on an unrecorded
    call before that, the run has left its recording (LeftRecording).
    """

    def __init__(
        self,
        calls: Sequence[RecordedCall],
        stubbed: Stubs,
        *,
        live_after: bool = False,
        tags: Mapping[str, str] | None = None,
        model: str | None = None,
        entry: str | None = None,
    ) -> None:
        self.tags = tags or {}
        self.model = model
        self.trace_id: str | None = None
        """The trace of the first call of `entry`; other threads may start more traces."""
        self._entry = entry
        self.left: str | None = None
        """The call at which the run left the recording, if it did."""
        self.played = 0
        self.differing: list[int] = []
        """Steps that answered a call with other arguments than the recorded ones."""
        self._stubbed = stubbed
        self._live_after = live_after
        self._waiting = len(calls)
        self._lock = Lock()
        self._calls: dict[str, deque[RecordedCall]] = defaultdict(deque)
        for call in calls:
            self._calls[call.key].append(call)

    def stand_in(self, span: ActiveSpan, fn: Callable[..., Any], sort: Sort) -> Callable[..., Any]:
        """See record.playback.Player."""
        if self.trace_id is None and span.name == self._entry:
            self.trace_id = span.trace_id
        if span.parent_id is None or not self._stubbed.covers(span.name, span.kind):
            return fn
        call = self._next(span.name, span)
        return fn if call is None else _STAND_INS[sort](call, fn)

    def reply(self, span: ActiveSpan, operation: str) -> RecordedReply | None:
        """See record.playback.Player."""
        if not self._stubbed.covers(span.name, span.kind):
            return None
        call = self._next(operation, span)
        return None if call is None else call.reply

    def _next(self, key: str, span: ActiveSpan) -> RecordedCall | None:
        arguments = orjson.loads(span.input_text)
        with self._lock:
            if not self._waiting and self._live_after:
                return None
            waiting = self._calls[key]
            if self.left is None and not waiting:
                self.left = span.name
            if self.left is not None:
                raise LeftRecording(self.left)
            exact = next((call for call in waiting if call.span.input == arguments), None)
            call = exact or waiting[0]
            waiting.remove(call)
            self._waiting -= 1
            self.played += 1
            if exact is None:
                self.differing.append(call.step)
            return call


def _result(call: RecordedCall, fn: Callable[..., Any]) -> Any:
    if call.span.status == "error":
        raise error_of(call.span, getattr(fn, "__globals__", {}))
    return rebuilt(call.span.output, annotations_of(fn).get("return"))


def _items(call: RecordedCall, fn: Callable[..., Any]) -> Iterator[Any]:
    yield from items_of(call.span.output, annotations_of(fn).get("return"))
    if call.span.status == "error":
        raise error_of(call.span, getattr(fn, "__globals__", {}))


def _function(call: RecordedCall, fn: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_args, **_kwargs: _result(call, fn)


def _coroutine(call: RecordedCall, fn: Callable[..., Any]) -> Callable[..., Any]:
    async def answer(*_args: Any, **_kwargs: Any) -> Any:
        return _result(call, fn)

    return answer


def _generator(call: RecordedCall, fn: Callable[..., Any]) -> Callable[..., Any]:
    def answer(*_args: Any, **_kwargs: Any) -> Iterator[Any]:
        yield from _items(call, fn)

    return answer


def _async_generator(call: RecordedCall, fn: Callable[..., Any]) -> Callable[..., Any]:
    async def answer(*_args: Any, **_kwargs: Any) -> AsyncIterator[Any]:
        for item in _items(call, fn):
            yield item

    return answer


_STAND_INS: Mapping[Sort, Callable[[RecordedCall, Callable[..., Any]], Callable[..., Any]]] = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "async generator": _async_generator,
}
