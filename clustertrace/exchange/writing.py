"""Open a file to write to that is whole or not there at all."""

from __future__ import annotations

import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from clustertrace.errors import UsageError

__all__ = ["open_target"]


@contextmanager
def open_target(path: Path) -> Iterator[IO[bytes]]:
    """Write to `path`, compressed if its name ends in .gz; equal content gives equal bytes.

    The file appears under its name when everything is written; a pipe or device is written to
    as it is. Raises UsageError where it can't be made.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as device, _compressed(device, path) as target:
                yield target
            return
        # Through links, so that what is replaced is the file and not the link to it.
        folder = path.resolve().parent
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path} can't be written: {reason}") from None
    try:
        with os.fdopen(handle, "wb") as raw, _compressed(raw, path) as target:
            yield target
        os.replace(draft, path.resolve())
    except BaseException:
        os.unlink(draft)
        raise


@contextmanager
def _compressed(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != ".gz":
        yield raw
        return
    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as target:
        yield target
