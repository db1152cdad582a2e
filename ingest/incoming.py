"""Incoming requests: content type, body, and responses to failures."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from clustertrace.errors import BadInput, ClustertraceError, TooLarge
from clustertrace.ingest.body import NoRoom, Room, Seat, UnknownEncoding, drop, read_body
from clustertrace.ingest.committer import QueueFull
from clustertrace.ingest.otlp_answers import JSON, failure

__all__ = ["Incoming", "Intake"]

_STATUSES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (UnknownEncoding, 415),
    (TooLarge, 413),
    (BadInput, 400),
    (QueueFull, 429),
    (NoRoom, 429),
    # The database is busy, full or broken: the data is good, so the sender should keep it.
    (ClustertraceError, 503),
)

_DROPPED: Final = frozenset({400, 413, 415})
"""After these, senders don't try again."""


class _WrongMethod(BadInput):
    pass


class _WrongType(BadInput):
    pass


class Incoming:
    """A request whose body has not been read."""

    def __init__(self, request: Request, limit: int, seat: Seat) -> None:
        self.path = request.url.path
        self.answer_in = JSON
        """The media type of the response, of success or failure."""
        self._request = request
        self._limit = limit
        self._seat = seat
        self._chunks: AsyncIterator[bytes] = request.stream()

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        content_type = self._request.headers.get("content-type", "")
        return content_type.partition(";")[0].strip().lower()

    def must_be(self, types: frozenset[str], hint: str) -> None:
        """Raise unless this is a POST of one of these content types."""
        if self._request.method != "POST":
            raise _WrongMethod("Programs send their data here with POST; there is nothing to read.")
        if self.media_type not in types:
            raise _WrongType(f"Content-Type {self.media_type[:60]!r} is not accepted here; {hint}")

    async def body(self) -> bytearray:
        """The whole body, decompressed. Raises BadInput, TooLarge or NoRoom."""
        encoding = self._request.headers.get("content-encoding", "").strip().lower()
        return await read_body(self._chunks, encoding, self._limit, self._seat)

    async def drop(self) -> None:
        """Discard what is still being sent, or the sender gets a broken pipe, not our response."""
        await drop(self._chunks, self._limit)


class Intake:
    """Turns handlers of an Incoming into endpoints that answer every failure with one sentence."""

    def __init__(self, limit: int, room: Room) -> None:
        self._limit = limit
        self._room = room
        self.answers: Counter[tuple[str, int]] = Counter()
        """The number of responses, by signal and status."""

    def endpoint(
        self, signal: str, handle: Callable[[Incoming], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """An endpoint for a signal that never raises and never answers 500."""

        async def counted_answer(request: Request) -> Response:
            response = await answer(request)
            self.answers[signal, response.status_code] += 1
            return response

        async def answer(request: Request) -> Response:
            with self._room.seat() as seat:
                incoming = Incoming(request, self._limit, seat)
                try:
                    return await handle(incoming)
                except ClientDisconnect:
                    return Response(status_code=400)
                except Exception as error:
                    refusal = await _refusal(incoming, error)
                    self._log_first(signal, refusal.status_code, error)
                    return refusal

        return counted_answer

    def _log_first(self, signal: str, status: int, error: Exception) -> None:
        """Say once what exporters drop: most of them show only the status of the answer."""
        if status in _DROPPED and not self.answers[signal, status]:
            message = f"{signal} were refused with {status}, so exporters drop them: {error}"
            print(f"clustertrace: {message}", file=sys.stderr)  # noqa: T201 - the receiver's log


async def _refusal(incoming: Incoming, error: Exception) -> Response:
    try:
        await incoming.drop()
    except ClientDisconnect:
        return Response(status_code=400)
    if isinstance(error, _WrongMethod):
        refusal = failure(incoming.answer_in, 405, str(error))
        refusal.headers["Allow"] = "POST"
        return refusal
    if isinstance(error, _WrongType):
        return failure(incoming.answer_in, 415, str(error))
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return failure(incoming.answer_in, status, str(error))
    # A bug of ours. 400, because senders retry on 5xx, which would not help.
    print(f"clustertrace: a request failed: {error!r}", file=sys.stderr)  # noqa: T201 - the log
    return failure(incoming.answer_in, 400, "This request can't be stored; the log says why.")
