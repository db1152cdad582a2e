"""Read a request's body, chunked or not, gzip or not, up to a limit."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from clustertrace.errors import BadInput, ClustertraceError, TooLarge

__all__ = ["NoRoom", "Room", "Seat", "UnknownEncoding", "drop", "read_body"]

_GZIP: Final = 16 + zlib.MAX_WBITS

SMALL: Final = 1 << 20
"""A body with more bytes is large."""

SHARED: Final = 8 << 20
"""Bytes for all small bodies together."""

TURN_SECONDS: Final = 8.0
"""How long a large body waits for its turn: a little less than exporters wait for an answer."""

DROP_FACTOR: Final = 4
"""Up to so many times the limit is read and discarded, so that the sender reads our answer."""


class UnknownEncoding(BadInput):
    """The body is compressed in an unknown way."""


class NoRoom(ClustertraceError):
    """Too many requests at once; the sender should try again."""


class Room:
    """The memory for the bodies of all requests together.

    Small bodies share `SHARED` bytes. A body that is large, or does not fit, waits for its turn:
    only one such body is read and stored at a time.
    """

    def __init__(self) -> None:
        self.free = SHARED
        self.turn = asyncio.Lock()

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """The memory of one request, until it is answered."""
        seat = Seat(self)
        try:
            yield seat
        finally:
            seat.leave()


class Seat:
    """One request's share of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0
        self._has_turn = False

    async def grow(self, size: int) -> None:
        """Take more bytes, possibly after waiting. Raises NoRoom if that takes too long."""
        if self._has_turn:
            return
        if self._taken + size <= SMALL and size <= self._room.free:
            self._room.free -= size
            self._taken += size
            return
        try:
            await asyncio.wait_for(self._room.turn.acquire(), TURN_SECONDS)
        except TimeoutError:
            raise NoRoom("Other requests take all the memory; try again in a moment.") from None
        self._has_turn = True

    def leave(self) -> None:
        """Give everything back."""
        self._room.free += self._taken
        self._taken = 0
        if self._has_turn:
            self._has_turn = False
            self._room.turn.release()


async def read_body(
    chunks: AsyncIterator[bytes], encoding: str, limit: int, seat: Seat
) -> bytearray:
    """The decompressed body, in memory taken from `seat`.

    Raises TooLarge as soon as it is longer than `limit` bytes, NoRoom, BadInput if its gzip is
    broken, UnknownEncoding if it is neither gzip nor plain.
    """
    if encoding in ("", "identity"):
        return await _read_plain(chunks, limit, seat)
    if encoding in ("gzip", "x-gzip"):
        return await _read_gzip(chunks, limit, seat)
    raise UnknownEncoding(f"Content-Encoding {encoding!r} is not understood; send gzip or none.")


async def drop(chunks: AsyncIterator[bytes], limit: int) -> None:
    """Discard what is still being sent, up to a few times the limit, so that our answer is read."""
    bytes_left = limit * DROP_FACTOR
    async for chunk in chunks:
        bytes_left -= len(chunk)
        if bytes_left < 0:
            return


async def _read_plain(chunks: AsyncIterator[bytes], limit: int, seat: Seat) -> bytearray:
    body = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > limit:
            raise _too_large(limit)
        await seat.grow(len(chunk))
        body += chunk
    return body


async def _read_gzip(chunks: AsyncIterator[bytes], limit: int, seat: Seat) -> bytearray:
    body = bytearray()
    inflate = zlib.decompressobj(_GZIP)
    has_data = False
    async for chunk in chunks:
        while chunk:
            if inflate.eof:
                # A gzip stream may consist of several members.
                inflate = zlib.decompressobj(_GZIP)
            has_data = True
            try:
                decompressed = inflate.decompress(chunk, limit + 1 - len(body))
            except zlib.error as error:
                raise BadInput(f"The body's gzip can't be read ({error}).") from None
            if len(body) + len(decompressed) > limit:
                raise _too_large(limit)
            await seat.grow(len(decompressed))
            body += decompressed
            chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
    if has_data and not inflate.eof:
        raise BadInput("The gzip body ends too early.")
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is longer than {limit} bytes when decompressed; send fewer spans at once "
        "(OTEL_BSP_MAX_EXPORT_BATCH_SIZE=32) or raise CLUSTERTRACE_OTLP_MAX_BYTES."
    )
