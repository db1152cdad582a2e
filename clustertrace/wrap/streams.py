"""Streamed replies, watched chunk by chunk as the program reads them.

A stream becomes an instance of a subclass that overrides iterating and closing, so every use of it
is seen; a finalizer sees when the program drops it.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any, Final

from clustertrace.record.notices import quiet
from clustertrace.wrap.calls import MISSING, ModelCall
from clustertrace.wrap.disguise import disguised
from clustertrace.wrap.facts import Assembler, Reply

__all__ = ["StreamWatch", "is_stream", "observed"]

_WATCH: Final = "_clustertrace_watch"
_CHUNKS_KEPT: Final = 500
_NS_PER_MS: Final = 1_000_000


class Timeline:
    """When chunks came and how long each was; neighbours are merged if there are many."""

    __slots__ = (
        "_every",
        "_first_content_ns",
        "_first_ns",
        "_kept",
        "_start_ns",
        "count",
        "last_ns",
    )

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._first_ns: int | None = None
        self._first_content_ns: int | None = None
        self._kept: list[list[float]] = []
        self._every = 1
        self.count = 0
        self.last_ns: int | None = None

    def add(self, now_ns: int, size: int) -> None:
        """Add a chunk of `size` characters."""
        if self._first_ns is None:
            self._first_ns = now_ns
        if size and self._first_content_ns is None:
            self._first_content_ns = now_ns
        if self.count % self._every:
            self._kept[-1][1] += size
        else:
            self._kept.append([round((now_ns - self._start_ns) / _NS_PER_MS, 3), size])
        self.count += 1
        self.last_ns = now_ns
        if len(self._kept) > _CHUNKS_KEPT:
            self._halve()

    def _halve(self) -> None:
        merged = self._kept[::2]
        for first, second in zip(merged, self._kept[1::2], strict=False):
            first[1] += second[1]
        self._kept = merged
        self._every *= 2

    def attributes(self) -> dict[str, Any]:
        """Seconds to the first chunk and content; `[milliseconds, characters]` of each chunk."""
        return {
            "gen_ai.response.time_to_first_chunk": _seconds(self._first_ns, self._start_ns),
            "clustertrace.stream.time_to_first_content": _seconds(
                self._first_content_ns, self._start_ns
            ),
            "clustertrace.stream.chunk_count": self.count,
            "clustertrace.stream.chunks": self._kept,
        }


def _seconds(moment_ns: int | None, start_ns: int) -> float | None:
    return None if moment_ns is None else round((moment_ns - start_ns) / 1e9, 6)


class StreamWatch:
    """Follows the call behind a stream, from its first chunk to its end."""

    def __init__(self, call: ModelCall, assembler: Assembler) -> None:
        self._call = call
        self._assembler = assembler
        self._timeline = Timeline(call.span.start_ns)
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def guard(self, stream: Any) -> None:
        """End the call when the program drops the stream, or ends itself."""
        self._finalizer = weakref.finalize(stream, self._collected, os.getpid())

    def _collected(self, process: int) -> None:
        """The stream was garbage collected; copies in forked children don't count."""
        if os.getpid() == process:
            self.dropped()

    @quiet
    def chunk(self, item: Any) -> None:
        """A chunk has arrived."""
        if not self._call.ended:
            size = self._assembler.add(item)
            self._timeline.add(self._call.span.run.now_ns(), size)

    def finished(self) -> None:
        """The stream is read to its end."""
        self._end(None, None)

    def failed(self, error: BaseException) -> None:
        """Reading the next chunk ended in an exception."""
        self._end("failed" if isinstance(error, Exception) else "cancelled", error)

    def closed(self) -> None:
        """The program closed the stream, perhaps because it is being cancelled itself."""
        error = sys.exc_info()[1]
        if error is None or isinstance(error, Exception | GeneratorExit):
            self.dropped()
        elif not self._assembler.complete:
            self._end("cancelled", error)

    def dropped(self) -> None:
        """The program will not read further."""
        self._end(None if self._assembler.complete else "abandoned", None)

    def _end(self, how: str | None, error: BaseException | None) -> None:
        if self._call.ended:
            return
        if self._finalizer is not None:
            self._finalizer.detach()
        self._call.note(**{"clustertrace.stream": how, **self._timeline.attributes()})
        end_ns = None if error is not None else self._timeline.last_ns
        self._call.end(lambda: self._reply(how), error=error, end_ns=end_ns)

    def _reply(self, how: str | None) -> Reply:
        reply = self._assembler.reply()
        if how is not None and (reply.output_tokens is None or not self._assembler.complete):
            self._call.note(**{MISSING: f"output, tokens: the stream was {how} before its end"})
        return reply


def is_stream(result: Any) -> bool:
    """Whether an SDK returned a stream of chunks."""
    return any(base.__name__ in ("Stream", "AsyncStream") for base in type(result).__mro__)


def observed(stream: Any, call: ModelCall) -> None:
    """Watch an SDK's stream object from now on."""
    assembler = call.assembler()
    if _WATCH in vars(stream) or assembler is None:
        return
    kind: Any = type(stream)
    watch = StreamWatch(call, assembler)
    vars(stream)[_WATCH] = watch
    stream.__class__ = _asynchronous(kind) if hasattr(kind, "__anext__") else _synchronous(kind)
    watch.guard(stream)


@cache
def _synchronous(kind: Any) -> type:
    """A subclass of a stream that reports to its watch."""

    class Observed(kind):  # type: ignore[misc]
        def __next__(self) -> Any:
            watch: StreamWatch = vars(self)[_WATCH]
            try:
                item = super().__next__()
            except StopIteration:
                watch.finished()
                raise
            except BaseException as error:
                watch.failed(error)
                raise
            watch.chunk(item)
            return item

        def __iter__(self) -> Iterator[Any]:
            while True:
                try:
                    item = self.__next__()
                except StopIteration:
                    return
                yield item

        def close(self) -> None:
            vars(self)[_WATCH].closed()
            super().close()

    return disguised(Observed, kind)


@cache
def _asynchronous(kind: Any) -> type:
    """As `_synchronous`, for async streams."""

    class Observed(kind):  # type: ignore[misc]
        async def __anext__(self) -> Any:
            watch: StreamWatch = vars(self)[_WATCH]
            try:
                item = await super().__anext__()
            except StopAsyncIteration:
                watch.finished()
                raise
            except BaseException as error:
                watch.failed(error)
                raise
            watch.chunk(item)
            return item

        async def __aiter__(self) -> AsyncIterator[Any]:
            while True:
                try:
                    item = await self.__anext__()
                except StopAsyncIteration:
                    return
                yield item

        async def close(self) -> None:
            vars(self)[_WATCH].closed()
            await super().close()

    return disguised(Observed, kind)
