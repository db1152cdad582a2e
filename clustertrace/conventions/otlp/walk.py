"""An OTLP request in protobuf, taken apart: resources, their scopes, and what these sent.

Traces, logs and metrics come in one shape: resources (field 1 of the request); in each its
description (1) and scopes (2); in each of these its description (1) and the items (2). The protobuf
library reads a small request whole. A large one would take several times its own memory, and one
broken text in one span would refuse all: the frame of those is walked here, and the items are left
to the library one at a time, which costs a fifth more time.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from clustertrace.errors import BadInput

__all__ = ["LARGE", "Kind", "Scope", "first_item", "scopes"]

LARGE: Final = 1 << 20
"""Bytes from which on a request is not decoded whole."""

_DESCRIPTION: Final = 1
_RESOURCES: Final = 1
_SCOPES: Final = 2
_ITEMS: Final = 2

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5

Part = tuple[int, int]
"""Where a message begins in the body, and where it ends."""


class Kind(NamedTuple):
    """A kind of request: its messages, and the names of their fields."""

    request: Any
    item: Any
    resources: str
    scopes: str
    items: str


class Scope(NamedTuple):
    """What one instrumentation scope of one resource sent."""

    resource: Any
    """A Resource."""
    scope: Any
    """An InstrumentationScope."""
    items: Iterator[Any]
    """Spans, log records or metrics; None for each that can't be decoded."""


def scopes(body: bytes | bytearray, kind: Kind, large: int = LARGE) -> Iterator[Scope]:
    """The scopes of a request, in order; read the items of one before the next.

    A request of `large` bytes or more is not decoded whole.
    Raises BadInput, before the first scope, when the frame of the request is broken anywhere.
    """
    if len(body) < large:
        try:
            request = kind.request.FromString(body)
        except DecodeError:
            pass  # perhaps one item is broken, and the others are not
        else:
            yield from _scopes_of_message(request, kind)
            return
    yield from _scopes_of_frame(body, kind.item)


def first_item(body: bytes | bytearray) -> bytes | bytearray | None:
    """The first span, log record or metric, encoded; None if there is none before the frame ends
    or breaks.
    """
    try:
        return next(
            (body[begin:end] for _, _, parts in _walk_scopes(body) for begin, end in parts), None
        )
    except (DecodeError, IndexError):
        return None


def _scopes_of_message(request: Any, kind: Kind) -> Iterator[Scope]:
    for of_resource in getattr(request, kind.resources):
        for of_scope in getattr(of_resource, kind.scopes):
            yield Scope(of_resource.resource, of_scope.scope, iter(getattr(of_scope, kind.items)))


def _scopes_of_frame(body: bytes | bytearray, item: Any) -> Iterator[Scope]:
    try:
        # Looking for its description goes through all of a message.
        deque(_walk_scopes(body), maxlen=0)
    except (DecodeError, IndexError):
        raise BadInput("the body is not an OTLP request in protobuf") from None
    for resource, scope, parts in _walk_scopes(body):
        yield Scope(resource, scope, (_decode_item(item, body[begin:end]) for begin, end in parts))


def _decode_item(item: Any, message: bytes | bytearray) -> Any:
    try:
        return item.FromString(message)
    except DecodeError:
        return None


def _walk_scopes(body: bytes | bytearray) -> Iterator[tuple[Any, Any, Iterator[Part]]]:
    for of_resource in _fields(body, (0, len(body)), _RESOURCES):
        resource = _merged_description(Resource(), body, of_resource)
        for of_scope in _fields(body, of_resource, _SCOPES):
            scope = _merged_description(InstrumentationScope(), body, of_scope)
            yield resource, scope, _fields(body, of_scope, _ITEMS)


def _merged_description(description: Any, body: bytes | bytearray, message: Part) -> Any:
    """Fields may come in any order, and a field that comes twice is merged."""
    for begin, end in _fields(body, message, _DESCRIPTION):
        description.MergeFromString(body[begin:end])
    return description


def _fields(body: bytes | bytearray, message: Part, wanted: int) -> Iterator[Part]:
    """The values of one field that holds bytes.

    Raises DecodeError, or IndexError, where the message is none.
    """
    at, end = message
    while at < end:
        key, at = _varint(body, at) if body[at] > 0x7F else (body[at], at + 1)
        wire = key & 7
        if wire == _BYTES:
            size, at = _varint(body, at) if body[at] > 0x7F else (body[at], at + 1)
            at += size
            if key >> 3 == wanted and at <= end:
                yield at - size, at
        elif wire == _VARINT:
            _, at = _varint(body, at)
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            at += 8 if wire == _EIGHT_BYTES else 4
        else:
            raise DecodeError
    if at > end:
        raise DecodeError


def _varint(body: bytes | bytearray, at: int) -> tuple[int, int]:
    """A number of at most 64 bits, seven a byte, the lowest first; and where it ends."""
    value = 0
    for shift in range(0, 64, 7):
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise DecodeError
