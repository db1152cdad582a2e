"""The rows of a transcript: JSON Lines that another program may still be writing.

Only one line is in memory at a time, and lines beyond `LONGEST_LINE` are skipped. The last line may
be half written: it counts only once it is complete JSON, and the next reading starts before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple

import orjson

__all__ = ["LONGEST_LINE", "Row", "rows"]

LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes. Tool results with images take a few million; no real row is longer than this."""

_SKIP_BYTES: Final = 1024 * 1024


class Row(NamedTuple):
    """One line of a file."""

    begin: int
    """Its offset in the file, bytes."""
    end: int
    """The offset of the next row."""
    data: Mapping[str, Any] | None
    """None if it is not a JSON object, or too long."""
    whole: bool = True
    """False if the file ends before the line does, so that more of it may come."""


def rows(file: BinaryIO, offset: int = 0) -> Iterator[Row]:
    """The rows from `offset` on, which must be the start of a row. Empty lines are skipped."""
    file.seek(offset)
    while line := file.readline(LONGEST_LINE):
        start, size = offset, len(line)
        if not line.endswith(b"\n") and size >= LONGEST_LINE:
            size += _step_over(file)
            line = b""
        offset += size
        whole = not line or line.endswith(b"\n")
        data = _object(line)
        if not whole and data is None:
            return
        if data is not None or line.strip() or not line:
            yield Row(start, offset, data, whole)


def _step_over(file: BinaryIO) -> int:
    """Read to the end of the line; returns how many bytes that was."""
    size = 0
    while rest := file.readline(_SKIP_BYTES):
        size += len(rest)
        if rest.endswith(b"\n"):
            break
    return size


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
