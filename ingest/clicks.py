"""Whether a message of an open page to its server is its user's doing.

A page that nobody looks at speaks too: parts of it that renew themselves ask for it, and it
answers heartbeats. What is read here is the little of Streamlit's BackMsg (protobuf) that tells
the two apart; the door knows nothing else of what it passes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

__all__ = ["is_users"]

_RERUN_SCRIPT: Final = 11
"""BackMsg.rerun_script, a ClientState: run the page again, for the reason that it gives."""

_IS_AUTO_RERUN: Final = 6
"""ClientState.is_auto_rerun: a part of the page renews itself."""


def is_users(message: bytes) -> bool:
    """Whether the message says that a page was opened, or something on it used."""
    try:
        for field, value in _fields(message):
            if field == _RERUN_SCRIPT and isinstance(value, bytes):
                return not any(field == _IS_AUTO_RERUN and told for field, told in _fields(value))
    except (IndexError, ValueError):
        return False
    return False


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: numbers as they are, all else as bytes.

    Raises IndexError or ValueError where it is none.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(wire)
        if at + size > len(message):
            raise IndexError(size)
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
