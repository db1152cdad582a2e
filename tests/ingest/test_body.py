from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clustertrace.errors import BadInput, TooLarge
from clustertrace.ingest import body as body_module
from clustertrace.ingest.body import NoRoom, Room, UnknownEncoding, drop, read_body


async def chunked(data: bytes, size: int) -> AsyncIterator[bytes]:
    for begin in range(0, len(data), size):
        yield data[begin : begin + size]


def read(data: bytes, encoding: str = "", limit: int = 1000, size: int = 7) -> bytes:
    async def all_of_it() -> bytes:
        with Room().seat() as seat:
            return bytes(await read_body(chunked(data, size), encoding, limit, seat))

    return asyncio.run(all_of_it())


@given(data=st.binary(max_size=300), size=st.integers(1, 50), members=st.integers(1, 3))
def test_round_trip(data: bytes, size: int, members: int) -> None:
    """A body arrives whole however it is cut, plain or as gzip of one member or several."""
    assert read(data, "", size=size) == data
    assert read(gzip.compress(data) * members, "gzip", size=size) == data * members


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_body_of_exactly_the_limit_is_taken(encoding: str) -> None:
    """A body of exactly the limit is taken, one byte more is not."""
    for length, fits in ((1000, True), (1001, False)):
        body = b"x" * length
        sent = gzip.compress(body) if encoding else body
        if fits:
            assert read(sent, encoding) == body
        else:
            with pytest.raises(TooLarge, match="CLUSTERTRACE_OTLP_MAX_BYTES"):
                read(sent, encoding)


def test_a_body_that_becomes_huge_is_given_up() -> None:
    """A small body that would become huge is given up at the limit."""
    with pytest.raises(TooLarge):
        read(gzip.compress(bytes(50_000_000)), "gzip", 100_000, 1 << 16)


@pytest.mark.parametrize(
    "sent", [b"not gzip", gzip.compress(b"abc" * 50, mtime=0)[:-9], b"\x1f\x8b"]
)
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


def test_large_bodies_take_turns() -> None:
    """One large body at a time; small ones pass it by."""

    async def all_of_it() -> None:
        room = Room()
        with room.seat() as first, room.seat() as second, room.seat() as small:
            await first.grow(body_module.SMALL + 1)
            waiting = asyncio.create_task(second.grow(body_module.SMALL + 1))
            await small.grow(body_module.SMALL)
            assert not waiting.done()
            await first.grow(1 << 30)
            first.leave()
            await waiting
        assert room.free == body_module.SHARED
        assert not room.turn.locked()

    asyncio.run(all_of_it())


def test_many_small_bodies_wait() -> None:
    """When small bodies have taken all that they share, the next ones take turns as well."""

    async def all_of_it() -> None:
        room = Room()
        with ExitStack() as seats:
            for _ in range(body_module.SHARED // body_module.SMALL):
                await seats.enter_context(room.seat()).grow(body_module.SMALL)
            with room.seat() as next_one:
                await next_one.grow(1)
                assert room.turn.locked()
        assert room.free == body_module.SHARED

    asyncio.run(all_of_it())


def test_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits too long for a turn is told to try again."""
    monkeypatch.setattr(body_module, "TURN_SECONDS", 0.01)

    async def all_of_it() -> None:
        room = Room()
        with room.seat() as first, room.seat() as second:
            await first.grow(body_module.SMALL + 1)
            with pytest.raises(NoRoom, match="try again"):
                await second.grow(body_module.SMALL + 1)
        with room.seat() as third:
            await third.grow(body_module.SMALL + 1)

    asyncio.run(all_of_it())


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
