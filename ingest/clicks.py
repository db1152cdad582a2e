"""Tell whether a message from an open page to its server was caused by the user.

A page that nobody looks at sends messages too: for parts that refresh themselves, and as
heartbeats. This reads only the part of Streamlit's BackMsg (protobuf) that tells the two apart; the
door does not interpret anything else that it passes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["is_user_action"]

_RERUN_SCRIPT: Final = 11
"""BackMsg.rerun_script, a ClientState: run the page again."""

_IS_AUTO_RERUN: Final = 6
"""ClientState.is_auto_rerun: a part of the page refreshes itself."""


def is_user_action(message: bytes) -> bool:
    """Whether the user opened a page, or used something on it."""
    try:
        for field, value in _fields(message):
            if field == _RERUN_SCRIPT and isinstance(value, bytes):
                return not any(
                    field == _IS_AUTO_RERUN and is_set for field, is_set in _fields(value)
                )
    except (IndexError, ValueError):
        return False
    return False


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: varints as numbers, all others as bytes.

    Raises IndexError or ValueError if it is malformed.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        wire = tag & 7
        if wire == 0:
            value, position = _varint(message, position)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, position = _varint(message, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(wire)
        if position + size > len(message):
            raise IndexError(size)
        yield tag >> 3, message[position : position + size]
        position += size


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
