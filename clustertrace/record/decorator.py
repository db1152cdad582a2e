"""`@trace`: a span around every call of a function, whatever kind of function it is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from typing import Any, Final, TypeVar, overload

from clustertrace.record.active import ActiveSpan, current
from clustertrace.record.arguments import argument_reader
from clustertrace.record.config import config
from clustertrace.record.spans import kind_of, session_now

__all__ = ["trace"]

F = TypeVar("F", bound=Callable[..., Any])

_YIELDS_KEPT: Final = 1000


@overload
def trace(fn: F, /) -> F: ...
@overload
def trace(
    fn: None = None,
    /,
    *,
    name: str | None = None,
    kind: str = "chain",
    tags: Mapping[str, Any] | None = None,
    sample: float | None = None,
    skip: Iterable[str] = (),
) -> Callable[[F], F]: ...
def trace(
    fn: Any = None,
    /,
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

    name: the span's name; the function's by default.
    kind: what it is, such as "agent", "tool", "retriever" or "llm"; "chain" by default.
    tags: tags for the trace.
    sample: the share of traces to record, 0 to 1, where this call is the outermost.
    skip: names of arguments not to record.
    """
    if fn is None:
        return functools.partial(
            _decorate, name=name, kind=kind, tags=tags, sample=sample, skip=tuple(skip)
        )
    return _decorate(fn, name=name, kind=kind, tags=tags, sample=sample, skip=tuple(skip))


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
    label = str(name or getattr(fn, "__name__", type(fn).__name__))
    calls = _Calls(label, kind_of(kind, label), tags, sample, argument_reader(fn, skip))
    if inspect.isasyncgenfunction(fn):
        wrapper = _async_generator(fn, calls)
    elif inspect.isgeneratorfunction(fn):
        wrapper = _generator(fn, calls)
    elif inspect.iscoroutinefunction(fn):
        wrapper = _coroutine(fn, calls)
    else:
        wrapper = _function(fn, calls)
    return functools.wraps(fn)(wrapper)


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
            opened.begin()
        return opened


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
            result = fn(*args, **kwargs)
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
            result = await fn(*args, **kwargs)
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


class _Yields:
    """The span of a generator: open while it runs, and what it has yielded so far."""

    __slots__ = ("_items", "_more", "_opened")

    def __init__(self, opened: ActiveSpan) -> None:
        self._opened = opened
        self._items: list[Any] = []
        self._more = 0

    def keep(self, item: Any) -> None:
        """Remember an item, up to a number."""
        if len(self._items) < _YIELDS_KEPT:
            self._items.append(item)
        else:
            self._more += 1

    def done(self, error: BaseException | None = None, *, abandoned: bool = False) -> None:
        """Write the span with what was yielded."""
        if not self._opened.run.recorded:
            return
        self._opened.set_output(self._items)
        if self._more:
            self._opened.set_attributes(**{"generator.more_items": self._more})
        if abandoned:
            self._opened.set_attributes(**{"generator.abandoned": True})
        if error is not None:
            self._opened.fail(error)
        self._opened.end()


def _generator(fn: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        opened = calls.open(args, kwargs)
        if opened is None:
            return (yield from fn(*args, **kwargs))
        yields = _Yields(opened)
        running = fn(*args, **kwargs)
        step, given = running.send, None
        try:
            while True:
                # The span is current only while the generator's own code runs, never while its
                # consumer does.
                token = current.set(opened)
                try:
                    item = step(given)
                finally:
                    current.reset(token)
                yields.keep(item)
                try:
                    given = yield item
                    step = running.send
                except GeneratorExit:
                    token = current.set(opened)
                    try:
                        running.close()
                    finally:
                        current.reset(token)
                    yields.done(abandoned=True)
                    raise
                except BaseException as thrown:
                    step, given = running.throw, thrown
        except StopIteration as stop:
            yields.done()
            return stop.value
        except GeneratorExit:
            raise
        except BaseException as error:
            yields.done(error)
            raise

    return traced


def _async_generator(fn: Callable[..., Any], calls: _Calls) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        opened = calls.open(args, kwargs)
        running = fn(*args, **kwargs)
        yields = None if opened is None else _Yields(opened)
        step, given = running.asend, None
        try:
            while True:
                token = current.set(opened or current.get())
                try:
                    item = await step(given)
                finally:
                    current.reset(token)
                if yields is not None:
                    yields.keep(item)
                try:
                    given = yield item
                    step = running.asend
                except GeneratorExit:
                    await running.aclose()
                    if yields is not None:
                        yields.done(abandoned=True)
                    raise
                except BaseException as thrown:
                    step, given = running.athrow, thrown
        except StopAsyncIteration:
            if yields is not None:
                yields.done()
        except GeneratorExit:
            raise
        except BaseException as error:
            if yields is not None:
                yields.done(error)
            raise

    return traced
