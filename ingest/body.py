"""Reading a request's body: chunked or not, gzip or not, never past a limit."""

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
"""Bytes past which a body is large."""

SHARED: Final = 8 << 20
"""Bytes for all small bodies together."""

TURN_SECONDS: Final = 8.0
"""How long a large body waits for its turn: a little less than exporters wait for an answer."""

DROP_FACTOR: Final = 4
"""How many times the limit is read and thrown away, so that a sender hears why it is refused."""


class UnknownEncoding(BadInput):
    """The body is compressed in a way that is not understood here."""


class NoRoom(ClustertraceError):
    """Too many requests at once; the sender should try again."""


class Room:
    """The memory that the bodies of all requests together may take.

    Small bodies share `SHARED` bytes. A body that is large, or finds no more of these, waits for
    its turn: one such body is read and stored at a time.
    """

    def __init__(self) -> None:
        self.left = SHARED
        self.turn = asyncio.Lock()

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """What one request may take, until it is answered."""
        seat = Seat(self)
        try:
            yield seat
        finally:
            seat.leave()


class Seat:
    """One request's part of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0
        self._has_turn = False

    async def grow(self, more: int) -> None:
        """Take so many bytes more, which may mean to wait. Raises NoRoom after a while."""
        if self._has_turn:
            return
        if self._taken + more <= SMALL and more <= self._room.left:
            self._room.left -= more
            self._taken += more
            return
        try:
            await asyncio.wait_for(self._room.turn.acquire(), TURN_SECONDS)
        except TimeoutError:
            raise NoRoom("Other requests take all the memory; try again in a moment.") from None
        self._has_turn = True

    def leave(self) -> None:
        """Give everything back."""
        self._room.left += self._taken
        self._taken = 0
        if self._has_turn:
            self._has_turn = False
            self._room.turn.release()


async def read_body(
    chunks: AsyncIterator[bytes], encoding: str, limit: int, seat: Seat
) -> bytearray:
    """The body, decompressed, in memory that `seat` gives.

    Raises TooLarge as soon as it is longer than `limit` bytes, NoRoom, BadInput when its gzip is
    broken, UnknownEncoding when it is neither gzip nor plain.
    """
    if encoding in ("", "identity"):
        return await _read_plain(chunks, limit, seat)
    if encoding in ("gzip", "x-gzip"):
        return await _read_gzip(chunks, limit, seat)
    raise UnknownEncoding(f"Content-Encoding {encoding!r} is not understood; send gzip or none.")


async def drop(chunks: AsyncIterator[bytes], limit: int) -> None:
    """Read what a sender still sends, up to a few times the limit, so that it reads our answer."""
    left = limit * DROP_FACTOR
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
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
    begun = False
    async for chunk in chunks:
        while chunk:
            if inflate.eof:
                # A gzip stream may have several members, one after the other.
                inflate = zlib.decompressobj(_GZIP)
            begun = True
            try:
                more = inflate.decompress(chunk, limit + 1 - len(body))
            except zlib.error as error:
                raise BadInput(f"The body's gzip can't be read ({error}).") from None
            if len(body) + len(more) > limit:
                raise _too_large(limit)
            await seat.grow(len(more))
            body += more
            chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
    if begun and not inflate.eof:
        raise BadInput("The gzip body ends too early.")
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is longer than {limit} bytes when decompressed; send fewer spans at once or "
        "raise CLUSTERTRACE_OTLP_MAX_BYTES."
    )
