"""Open what a user names (a path, standard input; plain or gzip) and give its lines with numbers.

Memory stays bounded however large the file is: one line at a time, and no line beyond
`LONGEST_LINE`.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from clustertrace.errors import BadInput, UsageError

__all__ = ["LONGEST_LINE", "Source", "check_source", "open_source", "source_of"]

LONGEST_LINE: Final = 256 * 1024 * 1024
"""Bytes. A trace beyond this is no trace but a file without line ends."""

_BUFFER: Final = 1024 * 1024
_BOM: Final = b"\xef\xbb\xbf"
_TELLING: Final = 3
"""Lines in which a zero byte says that this is no text; further down a line is damaged."""


class Source:
    """Lines of one input. Iterate once; `position` says how many of its bytes were read."""

    def __init__(self, raw: IO[bytes], name: str, size: int | None) -> None:
        self.name = name
        self.size = size
        """Bytes of the file as it is stored; None where nobody knows, as in a pipe."""
        self._counted = _Counted(raw)
        buffered = io.BufferedReader(self._counted, _BUFFER)
        self._lines: io.BufferedReader[_Counted] | gzip.GzipFile = buffered
        first = buffered.peek(16)[:16]
        self._binary = b"\0" in first
        """A picture's zero bytes may come after line ends."""
        if first.startswith(b"\x1f\x8b"):
            self._lines, self._binary = gzip.GzipFile(fileobj=buffered), False

    @property
    def position(self) -> int:
        """Bytes read so far, before decompression."""
        return self._counted.count

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Lines that are not empty, with their numbers from 1.

        Raises BadInput where the compressed data ends early or is damaged, after the lines before
        that point, and where there is no text.
        """
        number = 0
        while line := self._readline():
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            if self._binary or (number <= _TELLING and b"\0" in line):
                raise BadInput(
                    "this is a binary file; name one of JSON Lines, or say which tool wrote it"
                )
            if not line.isspace():
                yield number, line

    @property
    def beginning(self) -> bytes:
        """The first bytes, decompressed, without reading them."""
        return self._lines.peek(64)[:64]

    def whole(self) -> bytes:
        """Everything that has not been read, as it is. Raises BadInput as iterating does."""
        lines = list(iter(self._readline, b""))
        return b"".join(lines)

    def _readline(self) -> bytes:
        try:
            line = self._lines.readline(LONGEST_LINE)
        except EOFError:
            raise BadInput("the gzip data ends early; fetch or copy the file again") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise BadInput(f"the gzip data is damaged ({error}); fetch the file again") from None
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            raise BadInput(f"the line is longer than {LONGEST_LINE >> 20} MiB")
        return line


class _Counted(io.RawIOBase):
    """Counts what is read from a stream that may not be seekable."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # read1 rather than readinto: what has arrived in a pipe is used without waiting for more.
        read: Callable[[int], bytes] = getattr(self._raw, "read1", self._raw.read)
        data = read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def check_source(path: Path) -> None:
    """Raise UsageError, with what to do, unless the file can be read."""
    if path.is_dir():
        raise UsageError(
            f"{path} is a folder; name the files in it, such as {path / '*.jsonl.gz'}."
        )
    if not path.exists():
        raise UsageError(f"There is no file {path}; check its name.")
    if not os.access(path, os.R_OK):
        raise UsageError(f"{path} can't be read: you have no permission to.")


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a file. Raises UsageError as `check_source` does."""
    check_source(path)
    with path.open("rb") as raw:
        yield source_of(raw, str(path), path.stat().st_size if path.is_file() else None)


def source_of(raw: IO[bytes], name: str, size: int | None = None) -> Source:
    """Read an open stream of bytes, such as standard input."""
    return Source(raw, name, size)
