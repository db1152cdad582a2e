"""`@trace`: a span around every call of a function, whatever kind of function it is."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from typing import Any, Final, TypeVar, overload

from clustertrace.record import playback
from clustertrace.record.active import ActiveSpan, current, leave
from clustertrace.record.callables import Sort, argument_reader, sort_of
from clustertrace.record.config import config
from clustertrace.record.notices import notice
from clustertrace.record.options import kind_of, names_of, rate_of, tags_of, text_of
from clustertrace.record.spans import session_now
from clustertrace.record.values import Items

__all__ = ["TRACED", "trace"]

TRACED: Final = "__clustertrace_name__"
"""The attribute of a traced function that holds the name of its spans."""

F = TypeVar("F", bound=Callable[..., Any])


@overload
def trace(fn: F) -> F: ...
@overload
def trace(
    fn: str | None = None,
    *,
    name: str | None = None,
    kind: str = "chain",
    tags: Mapping[str, Any] | None = None,
    sample: float | None = None,
    skip: Iterable[str] = (),
) -> Callable[[F], F]: ...
def trace(
    fn: Any = None,
    *,
    name: str | None = None,
    kind: str = "chain",
    tags: Mapping[str, Any] | None = None,
    sample: float | None = None,
    skip: Iterable[str] = (),
) -> Any:
    """Record each call of a function as a span: arguments, result, time, exception.

    The outermost traced call begins a trace; calls inside it nest. Works bare (`@trace`) and
    with options, on functions, coroutines, generators and async generators (whose span lasts
    until they end), on methods, and above or below `@staticmethod` and `@classmethod`.

    name: the span's name; the function's by default. `@trace("search")` sets it too.
    kind: what it is, such as "agent", "tool", "retriever" or "llm"; "chain" by default.
    tags: tags for the trace.
    sample: the share of traces to record, 0 to 1, if this call is the outermost.
    skip: names of arguments not to record.
    """
    skipped = names_of(skip)
    if fn is None or isinstance(fn, str):
        return functools.partial(
            _decorate, name=name or fn, kind=kind, tags=tags, sample=sample, skip=skipped
        )
    return _decorate(fn, name=name, kind=kind, tags=tags, sample=sample, skip=skipped)


def _decorate(
    fn: Any,
    *,
    name: str | None,
    kind: str,
    tags: Mapping[str, Any] | None,
    sample: float | None,
    skip: tuple[str, ...],
) -> Any:
    if isinstance(fn, staticmethod | classmethod):
        inner = _decorate(fn.__func__, name=name, kind=kind, tags=tags, sample=sample, skip=skip)
        return type(fn)(inner)
    label = text_of(name or getattr(fn, "__name__", type(fn).__name__))
    if isinstance(fn, type) or not callable(fn):
        notice(f"@clustertrace.trace records functions; {label} is not one and is left as it is.")
        return fn
    calls = _Calls(
        label, kind_of(kind, label), tags_of(tags), rate_of(sample), argument_reader(fn, skip)
    )
    wrapper = functools.wraps(fn)(_WRAPPERS[sort_of(fn)](fn, calls))
    setattr(wrapper, TRACED, label)
    return wrapper


class _Calls:
    """What all calls of one traced function have in common."""

    __slots__ = ("_arguments", "_kind", "_name", "_sample", "_tags")

    def __init__(
        self,
        name: str,
        kind: str,
        tags: Mapping[str, Any] | None,
        sample: float | None,
        arguments: Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]],
    ) -> None:
        self._name, self._kind, self._tags = name, kind, tags
        self._sample, self._arguments = sample, arguments

    def open(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActiveSpan | None:
        """Open the span of a call; None if nothing is recorded at all."""
        if config().disabled:
            return None
        parent = current.get()
        session = session_now() if parent is None else None
        opened = ActiveSpan(
            self._name, self._kind, parent, sample=self._sample, session=session, tags=self._tags
        )
        if opened.run.recorded:
            opened.set_input(self._arguments(args, kwargs))
            if parent is None or self._tags:
                opened.begin()
        return opened


def _performer(fn: Callable[..., Any], opened: ActiveSpan, sort: Sort) -> Callable[..., Any]:
    """What answers a call: the function, or a recording (clustertrace.record.playback)."""
    player = playback.player
    return fn if player is None else player.stand_in(opened, fn, sort)


def _close(opened: ActiveSpan) -> None:
    if opened.run.recorded:
        opened.end()


def _close_failed(opened: ActiveSpan, error: BaseException) -> None:
    if opened.run.recorded:
        opened.fail(error)
        opened.end()


def _function(fn: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Any:
        opened = calls.open(args, kwargs)
        if opened is None:
            return fn(*args, **kwargs)
        token = current.set(opened)
        try:
            result = _performer(fn, opened, "function")(*args, **kwargs)
        except BaseException as error:
            _close_failed(opened, error)
            raise
        finally:
            current.reset(token)
        if opened.run.recorded:
            if result is not None:
                opened.set_output(result)
            opened.end()
        return result

    return traced


def _coroutine(fn: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        opened = calls.open(args, kwargs)
        if opened is None:
            return await fn(*args, **kwargs)
        token = current.set(opened)
        try:
            result = await _performer(fn, opened, "coroutine")(*args, **kwargs)
        except BaseException as error:
            _close_failed(opened, error)
            raise
        finally:
            leave(opened, token)
        if opened.run.recorded:
            if result is not None:
                opened.set_output(result)
            opened.end()
        return result

    return traced


class _Yields:
    """The span of a generator: open while it runs, and what it has yielded so far."""

    __slots__ = ("_items", "_opened")

    def __init__(self, opened: ActiveSpan) -> None:
        self._opened = opened
        settings = config()
        kept = opened.run.recorded and not settings.metadata_only
        self._items = Items(settings.payload_bytes, settings.redact) if kept else None

    def keep(self, item: Any) -> None:
        """Keep the text of an item, not the item: it may be large, or change."""
        if self._items is not None:
            self._items.add(item)

    def done(self, error: BaseException | None = None) -> None:
        """Write the span with what was yielded."""
        if not self._opened.run.recorded:
            return
        if self._items is not None:
            self._opened.set_items(self._items)
        if error is not None:
            self._opened.fail(error)
        self._opened.end()


# A generator's span is current only while its own code runs, never while its consumer does; a
# span that its code has open across a `yield` is current again when it goes on (`inside`). The
# two wrappers differ in their awaits only.


def _generator(fn: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        opened = calls.open(args, kwargs)
        if opened is None:
            return (yield from fn(*args, **kwargs))
        yields, inside = _Yields(opened), opened
        running = _performer(fn, opened, "generator")(*args, **kwargs)
        step, given = running.send, None
        try:
            while True:
                token = current.set(inside)
                try:
                    item = step(given)
                finally:
                    inside = current.get() or opened
                    leave(inside, token)
                yields.keep(item)
                try:
                    given = yield item
                    step = running.send
                except GeneratorExit:
                    token = current.set(inside)
                    try:
                        running.close()
                    finally:
                        leave(inside, token)
                    raise
                except BaseException as thrown:
                    step, given = running.throw, thrown
        except StopIteration as stop:
            yields.done()
            return stop.value
        except BaseException as error:
            yields.done(error)
            raise
        finally:
            given = None  # an exception that holds this frame must not be held by it

    return traced


def _async_generator(fn: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        opened = calls.open(args, kwargs)
        inside = opened or current.get()
        yields = _Yields(opened) if opened else None
        perform = _performer(fn, opened, "async generator") if opened else fn
        running = perform(*args, **kwargs)
        step, given = running.asend, None
        left = False
        try:
            while True:
                token = current.set(inside)
                try:
                    item = await step(given)
                finally:
                    inside = current.get() or opened
                    leave(inside, token)
                if yields is not None:
                    yields.keep(item)
                try:
                    given = yield item
                    step, left = running.asend, False
                except GeneratorExit:
                    token = current.set(inside)
                    try:
                        await running.aclose()
                    finally:
                        leave(inside, token)
                    raise
                except BaseException as thrown:
                    # A loop that ends cancels whoever closes what its consumer has left.
                    left = _is_cancellation(thrown)
                    step, given = running.athrow, thrown
        except StopAsyncIteration:
            if yields is not None:
                yields.done()
        except BaseException as error:
            if yields is not None:
                enough = left and _is_cancellation(error)
                yields.done(GeneratorExit() if enough else error)
            raise
        finally:
            given = None  # an exception that holds this frame must not be held by it

    return traced


def _is_cancellation(error: BaseException) -> bool:
    from asyncio import CancelledError  # most programs that record load no asyncio

    return isinstance(error, CancelledError)


_WRAPPERS: Final = {
    "function": _function,
    "coroutine": _coroutine,
    "generator": _generator,
    "async generator": _async_generator,
}
