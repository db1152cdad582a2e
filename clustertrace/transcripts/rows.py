"""The rows of a transcript: JSON Lines that another program is still writing.

One line is in memory at a time, however large the file is, and a line beyond `LONGEST_LINE` is
stepped over. The last line may be half written: it counts only once it is whole JSON, and reading
later goes on before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, NamedTuple

import orjson

__all__ = ["LONGEST_LINE", "Row", "rows"]

LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes. Tool results with images take a few million; what is longer is no row of a session."""

_STEP: Final = 1024 * 1024


class Row(NamedTuple):
    """One line of a file."""

    begin: int
    """Where it begins in the file, bytes."""
    end: int
    """Where the next one begins."""
    told: Mapping[str, Any] | None
    """None: it is no JSON object, or too long."""
    whole: bool = True
    """False: the file ends in it, so more of it may come."""


def rows(file: BinaryIO, offset: int = 0) -> Iterator[Row]:
    """The rows from `offset` on, which must be where one begins. Empty lines are left out."""
    file.seek(offset)
    while line := file.readline(LONGEST_LINE):
        begin, size = offset, len(line)
        if not line.endswith(b"\n") and size >= LONGEST_LINE:
            size += _step_over(file)
            line = b""
        offset += size
        whole = not line or line.endswith(b"\n")
        told = _object(line)
        if not whole and told is None:
            return
        if told is not None or line.strip() or not line:
            yield Row(begin, offset, told, whole)


def _step_over(file: BinaryIO) -> int:
    """Read to the end of the line; how many bytes that were."""
    size = 0
    while rest := file.readline(_STEP):
        size += len(rest)
        if rest.endswith(b"\n"):
            break
    return size


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) else None
