"""Open a file for writing that ends up complete or does not exist."""

from __future__ import annotations

import filecmp
import gzip
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from clustertrace.errors import UsageError

__all__ = ["open_target"]


@contextmanager
def open_target(path: Path, *, keep_equal: bool = False) -> Iterator[BinaryIO]:
    """Write to `path`, compressed if its name ends in .gz; equal content gives equal bytes.

    The file appears under its name when everything is written; a pipe or device is written to
    as it is. With `keep_equal`, a file that holds the same already is not touched.
    Raises UsageError where it can't be made.
    """
    try:
        if path.exists() and not path.is_file():
            raw, draft = path.open("wb"), None
        else:
            # Beside what a link points at, so that the file is replaced and not the link.
            handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.resolve().parent)
            raw = os.fdopen(handle, "wb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path} can't be written: {reason}.") from None
    try:
        with raw, _compressed(raw, path) as target:
            yield target
        if draft and keep_equal and path.exists() and filecmp.cmp(draft, path, shallow=False):
            os.unlink(draft)
        elif draft:
            os.replace(draft, path.resolve())
    except BaseException:
        if draft:
            os.unlink(draft)
        raise


@contextmanager
def _compressed(raw: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    if path.suffix != ".gz":
        yield raw
        return
    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as target:
        yield cast("BinaryIO", target)
