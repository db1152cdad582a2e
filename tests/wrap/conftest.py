"""A model API on a fake transport under the real SDKs, and what was recorded of the calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import Any

import httpx2
import pytest

from clustertrace.model import Span
from clustertrace.store import Store, queries

Answer = Callable[[httpx2.Request], httpx2.Response]

WAIT = "wait"
"""A stream that ends with this never goes on."""


class Body(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A response's body that comes in pieces, and may break off."""

    def __init__(self, pieces: Iterable[bytes], then: Exception | str | None) -> None:
        self._pieces, self._then = list(pieces), then

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if isinstance(self._then, Exception):
            raise self._then

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece
        if self._then == WAIT:
            await asyncio.Event().wait()


class Api:
    """Answers requests one after the other; the last answer stays."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self._answers: list[Answer] = []

    def reply(self, body: Any, status: int = 200, **headers: str) -> Api:
        """Answer with JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers.append(lambda _: httpx2.Response(status, json=body, headers=named))
        return self

    def stream(
        self,
        pieces: Iterable[Any],
        then: Exception | str | None = None,
        content_type: str = "text/event-stream",
        **headers: str,
    ) -> Api:
        """Answer with events (or bytes as they are), and then perhaps break off."""
        encoded = [piece if isinstance(piece, bytes) else _event(piece) for piece in pieces]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["content-type"] = content_type
        self._answers.append(
            lambda _: httpx2.Response(200, headers=named, stream=Body(encoded, then))
        )
        return self

    def client(self) -> httpx2.Client:
        """An HTTP client that reaches nothing but this."""
        return httpx2.Client(transport=httpx2.MockTransport(self._handle))

    def async_client(self) -> httpx2.AsyncClient:
        """As `client`, awaited."""
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self._handle))

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        return answer(request)


def _event(event: dict[str, Any]) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


class Recorded:
    """What was recorded of the test's calls."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def spans(self) -> list[Span]:
        """All spans, in order of their start."""
        self._store.refresh()
        with self._store.read() as conn:
            found = [span for trace in queries.export(conn) for span in trace.spans]
        return sorted(found, key=lambda span: span.start_ns)

    def span(self) -> Span:
        """The only span."""
        (only,) = self.spans()
        return only


async def _cancelled_after(stream: AsyncIterator[Any], count: int) -> None:
    reached = asyncio.Event()

    async def read() -> None:
        seen = 0
        async for _ in stream:
            seen += 1
            if seen == count:
                reached.set()

    task = asyncio.create_task(read())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.fixture
def cancelled_after() -> Callable[[AsyncIterator[Any], int], Awaitable[None]]:
    """Read a stream in a task that is cancelled while it waits for what follows some chunks."""
    return _cancelled_after


@pytest.fixture
def api() -> Api:
    """Make a fake model API."""
    return Api()


@pytest.fixture
def recorded(store: Store) -> Recorded:
    """Read what the test has recorded."""
    return Recorded(store)
