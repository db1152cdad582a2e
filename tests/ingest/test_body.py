from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import BadInput, TooLarge
from clustertrace.ingest.body import NoRoom, Room, UnknownEncoding, drop, read_body


async def chunked(data: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


def read(data: bytes, encoding: str = "", limit: int = 1000, size: int = 7) -> bytes:
    return asyncio.run(read_body(chunked(data, size), encoding, limit, lambda grown: None))


@given(data=st.binary(max_size=300), size=st.integers(1, 50), members=st.integers(1, 3))
def test_round_trip(data: bytes, size: int, members: int) -> None:
    """A body arrives whole however it is cut, plain or as gzip of one member or several."""
    assert read(data, "", size=size) == data
    assert read(gzip.compress(data) * members, "gzip", size=size) == data * members


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_limit(encoding: str) -> None:
    """A body of exactly the limit is taken, one byte more is not."""
    for length, fits in ((1000, True), (1001, False)):
        body = b"x" * length
        sent = gzip.compress(body) if encoding else body
        if fits:
            assert read(sent, encoding) == body
        else:
            with pytest.raises(TooLarge, match="CLUSTERTRACE_OTLP_MAX_BYTES"):
                read(sent, encoding)


def test_bomb() -> None:
    """A small body that would become huge is given up at the limit."""
    grown = 0

    def grow(size: int) -> None:
        nonlocal grown
        grown += size

    bomb = gzip.compress(bytes(50_000_000))
    with pytest.raises(TooLarge):
        asyncio.run(read_body(chunked(bomb, 1 << 16), "gzip", 100_000, grow))
    assert grown <= 100_000


@pytest.mark.parametrize("sent", [b"not gzip", gzip.compress(b"abc" * 50)[:-9], b"\x1f\x8b"])
def test_broken_gzip(sent: bytes) -> None:
    """Gzip that is broken or cut off is bad input."""
    with pytest.raises(BadInput, match="gzip"):
        read(sent, "gzip")


def test_empty_gzip() -> None:
    """No bytes at all are an empty body, whatever the header says."""
    assert read(b"", "gzip") == b""


def test_unknown_encoding() -> None:
    """Another compression is named as what it is."""
    with pytest.raises(UnknownEncoding, match="'br'"):
        read(zlib.compress(b""), "br")


def test_room() -> None:
    """All bodies together take no more than their room, and give it back."""
    room = Room(10)
    room.take(8)
    with pytest.raises(NoRoom):
        room.take(3)
    room.give_back(8)
    room.take(10)


def test_drop_ends() -> None:
    """What a refused sender still sends is read, but not for ever."""
    read_so_far = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read_so_far
        while True:
            read_so_far += 100
            yield bytes(100)

    asyncio.run(drop(endless(), 1000))
    assert 4000 <= read_so_far <= 4200
