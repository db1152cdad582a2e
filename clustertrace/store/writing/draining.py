"""Draining: what recorders appended to their spool segments becomes rows.

A segment's position is committed with its spans, so that a crash at any point neither loses nor
duplicates one. A live process holds a lock on its segment; if the lock can be taken, the writer is
gone: its running spans are marked incomplete, and once the segment is read it is deleted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from clustertrace.errors import StoreBusy, StoreError
from clustertrace.store.connection import Connection
from clustertrace.store.writing import news

if TYPE_CHECKING:
    from clustertrace.store.writing.writer import Prepared, Written

__all__ = ["Drained", "Into", "drain", "end"]

CHUNK: Final = 4 * 1024 * 1024
"""Bytes read at once; a line may be longer."""

LOCK_SECONDS: Final = 30.0
"""How long a command waits while another process drains."""


class Into(NamedTuple):
    """Where what is read goes; each is called inside a transaction that holds the position."""

    put: Callable[[Connection, Prepared, int], Written]
    """Writes a batch, at a time."""
    end: Callable[[Connection, str], None]
    """Ends what ran in the process of a segment."""


class Drained(NamedTuple):
    """What a drain found."""

    spans: int
    """New or changed."""
    bad_lines: int
    """Lines that could not be used: torn by a crash, or not ours."""
    segments: int
    """Segments that had something to read."""


class _Part(NamedTuple):
    """What was read of one segment."""

    spans: int = 0
    """New or changed."""
    bad_lines: int = 0
    size: int = 0
    """Bytes."""


def drain(
    conn: Connection,
    spool: Path,
    *,
    wait: float = LOCK_SECONDS,
    limit: int | None = None,
    into: Into | None = None,
) -> Drained:
    """Read every segment in `spool` to its end; one process at a time.

    With `limit`, stop after about so many bytes; a later drain goes on from there. `into` says
    where it goes, if not into the database of the connection.
    Raises StoreBusy if another process keeps the drain to itself for `wait` seconds.
    """
    segments = sorted(spool.glob("*.jsonl")) if spool.is_dir() else []
    if not segments:
        return Drained(0, 0, 0)
    with _drain_lock(spool, wait):
        parts = list(_drain_segments(conn, segments, limit, into or _into_same_database()))
    return Drained(
        sum(part.spans for part in parts),
        sum(part.bad_lines for part in parts),
        sum(1 for part in parts if part.spans or part.bad_lines),
    )


def _drain_segments(
    conn: Connection, segments: Sequence[Path], limit: int | None, into: Into
) -> Iterator[_Part]:
    """Read one segment after the other, up to about `limit` bytes in all."""
    for segment in segments:
        part = _drain_segment(conn, segment, limit, into)
        yield part
        if limit is not None:
            limit -= part.size
            if limit <= 0:
                return


def _into_same_database() -> Into:
    """Into the database that the position is kept in."""
    from clustertrace.store.writing.writer import write

    return Into(write, end)


@contextmanager
def _drain_lock(spool: Path, wait: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        with FileLock(spool / ".drain.lock", timeout=wait, mode=0o600):
            yield
    except Timeout:
        raise StoreBusy(
            f"Another program has been reading {spool} for over {wait:.0f} s; "
            "try again in a moment."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{spool} can't be read and cleared ({error.strerror or error}); give yourself "
            "permission, or move it away."
        ) from error


def _drain_segment(conn: Connection, path: Path, limit: int | None, into: Into) -> _Part:
    """Read one segment from where it was left."""
    # Most commands find nothing to read, and these take long to load.
    from clustertrace.store.writing.writer import prepared
    from clustertrace.wire import parse_lines

    try:
        file = path.open("rb")
    except (FileNotFoundError, PermissionError):
        # Gone, or of another user: neither may keep the other segments from being read.
        return _Part()
    with file:
        is_over = _is_over(file)
        name = path.name
        offset = conn.value('SELECT "offset" FROM spool_segments WHERE name = ?', (name,)) or 0
        file.seek(offset)
        spans = bad_lines = 0
        start_offset = offset
        for chunk in _whole_lines(file, CHUNK if limit is None else min(CHUNK, limit)):
            offset += len(chunk)
            parsed = parse_lines(chunk.splitlines(), origin=name)
            bad_lines += len(parsed.bad)
            rows = prepared(parsed.batch)
            with conn.transaction():
                written = into.put(conn, rows, time.time_ns())
                _store_offset(conn, name, offset)
            spans += written.new + written.updated
            if limit is not None and offset - start_offset >= limit:
                return _Part(spans, bad_lines, offset - start_offset)
        if is_over:
            bad_lines += os.fstat(file.fileno()).st_size > offset
            _remove_dead_segment(conn, path, into)
    return _Part(spans, bad_lines, offset - start_offset)


def _is_over(file: BinaryIO) -> bool:
    """Whether no process writes to this segment any more: its writer's lock can be taken."""
    try:
        import fcntl
    except ImportError:  # no such locks here: a segment stays until it is a day old
        return time.time() - os.fstat(file.fileno()).st_mtime > 86_400
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _whole_lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Chunks of about `size` bytes that end with a line; a torn last line is left out."""
    rest = b""
    while block := file.read(size):
        rest += block
        end = rest.rfind(b"\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]


def _store_offset(conn: Connection, name: str, offset: int) -> None:
    conn.run(
        "INSERT INTO spool_segments VALUES (?, ?) "
        'ON CONFLICT (name) DO UPDATE SET "offset" = excluded."offset"',
        (name, offset),
    )


def end(conn: Connection, segment: str) -> None:
    """Mark what still ran in a process that is gone, in the caller's transaction."""
    ended = "SELECT DISTINCT trace_id FROM spans WHERE origin = ?"
    news.mark_found(conn, ended, (segment,), time.time_ns() + news.SETTLE_AFTER_NS)
    conn.run("UPDATE spans SET status = 'incomplete', origin = NULL WHERE origin = ?", (segment,))


def _remove_dead_segment(conn: Connection, path: Path, into: Into) -> None:
    """End what a dead process ran, then delete its segment.

    The row goes last: a crash in between leaves a segment that is read again to no effect.
    """
    with conn.transaction():
        into.end(conn, path.name)
    path.unlink(missing_ok=True)
    conn.run("DELETE FROM spool_segments WHERE name = ?", (path.name,))
