"""Reading a request's body: chunked or not, gzip or not, never past a limit."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable
from typing import Final

from clustertrace.errors import BadInput, ClustertraceError, TooLarge

__all__ = ["NoRoom", "Room", "UnknownEncoding", "drop", "read_body"]

_GZIP: Final = 16 + zlib.MAX_WBITS

DROP_FACTOR: Final = 4
"""How many times the limit is read and thrown away, so that a sender hears why it is refused."""


class UnknownEncoding(BadInput):
    """The body is compressed in a way that is not understood here."""


class NoRoom(ClustertraceError):
    """Other requests take all the memory that bodies may take; the sender should try again."""


class Room:
    """The memory that the bodies of all requests together may take, in bytes."""

    def __init__(self, capacity: int) -> None:
        self.left = capacity

    def take(self, size: int) -> None:
        """Take some, or raise NoRoom."""
        if size > self.left:
            raise NoRoom("Too many large requests at once; try again in a moment.")
        self.left -= size

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        self.left += size


async def read_body(
    chunks: AsyncIterator[bytes], encoding: str, limit: int, grown: Callable[[int], None]
) -> bytes:
    """The body, decompressed; `grown` hears by how many bytes, each time that it gets longer.

    Raises TooLarge as soon as it is longer than `limit` bytes before or after decompression,
    BadInput when its gzip is broken, UnknownEncoding when it is neither gzip nor plain.
    """
    if encoding in ("", "identity"):
        return await _read_plain(chunks, limit, grown)
    if encoding in ("gzip", "x-gzip"):
        return await _read_gzip(chunks, limit, grown)
    raise UnknownEncoding(f"Content-Encoding {encoding!r} is not understood; send gzip or none.")


async def drop(chunks: AsyncIterator[bytes], limit: int) -> None:
    """Read what a sender still sends, up to a few times the limit, so that it reads our answer."""
    left = limit * DROP_FACTOR
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            return


async def _read_plain(
    chunks: AsyncIterator[bytes], limit: int, grown: Callable[[int], None]
) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        if len(body) + len(chunk) > limit:
            raise _too_large(limit)
        grown(len(chunk))
        body += chunk
    return bytes(body)


async def _read_gzip(
    chunks: AsyncIterator[bytes], limit: int, grown: Callable[[int], None]
) -> bytes:
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
            grown(len(more))
            body += more
            chunk = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
    if begun and not inflate.eof:
        raise BadInput("The gzip body ends too early.")
    return bytes(body)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The body is longer than {limit} bytes when decompressed; send fewer spans at once or "
        "raise CLUSTERTRACE_OTLP_MAX_BYTES."
    )
