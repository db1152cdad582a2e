"""The spool: one file per process, one `os.write` per line, nothing in memory that a crash loses.

A segment appears under its final name only when it is locked, and stays locked as long as its
process lives, so that a reader can tell a living writer from a dead one. A spool that can't be
written (full disk, missing folder) is reported once, dropped spans are counted, and every few
seconds another attempt is made: the program continues at full speed either way.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from threading import RLock
from typing import Final

from clustertrace.record.config import config
from clustertrace.record.notices import held, notice, tell

__all__ = ["Spool", "spool"]

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""A segment that has grown past this is closed, so that it can be read and deleted."""

_RETRY_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 10.0
"""How long a segment stays open after its end: another thread may be about to write to it, and
the number of a closed file soon stands for one of the program's own."""

_MAKING_SECONDS: Final = 60.0
"""Far longer than it takes from a segment's first byte to its final name."""

_CLOSED: Final = -1

_File = tuple[int, int]
"""Device and inode: which file it is, whatever it is called."""


class Spool:
    """This process's place to append lines to."""

    def __init__(self) -> None:
        self._fd = _CLOSED
        self._file: _File | None = None
        self._size = 0
        self._retry_at = 0.0
        self._retired: list[tuple[float, int, _File | None]] = []
        # A signal handler, or an object that dies in here, may record as well.
        self._lock = RLock()
        self.segment: str | None = None
        """The file being written, if there is one."""
        self.dropped = 0
        """Lines that could not be written anywhere."""

    def append(self, line: bytes) -> None:
        """Append one line, its end included. Never raises."""
        if held:
            tell()
        fd = self._fd
        if fd == _CLOSED or self._size > SEGMENT_BYTES:
            fd = self._reopen()
        try:
            # Appending is atomic as long as it is one call; nothing is locked between threads.
            if fd != _CLOSED and os.write(fd, line) == len(line):
                self._size += len(line)
                return
            failed: OSError | None = None
        except OSError as error:
            failed = error
        self._lost(fd, failed)

    def check(self) -> None:
        """Look whether the segment is still there.

        Written to a deleted file, spans are lost; and a program that closes every file at once,
        as daemons do, may by now have one of its own under this number.
        """
        if self._fd != _CLOSED and not _is_open(self._fd, self._file):
            with self._lock:
                self._retire()

    def sync(self) -> bool:
        """Sync to disk what was written; returns whether it worked."""
        fd = self._fd
        if fd == _CLOSED:
            return not self.dropped
        try:
            os.fsync(fd)
        except OSError:
            return False
        return not self.dropped

    def close(self) -> None:
        """Close the segment, so that a reader may take it as finished."""
        with self._lock:
            self._retire(grace=0.0)

    def forget(self) -> None:
        """In a forked child: the segment is the parent's, whose lock outlives this copy."""
        self._lock = RLock()
        self._retire(grace=0.0)

    def _retire(self, grace: float = _GRACE_SECONDS) -> None:
        """Drop the segment, and close those that were dropped long enough ago."""
        now = time.monotonic()
        if self._fd != _CLOSED:
            self._retired.append((now, self._fd, self._file))
        self._fd, self._retry_at, self.segment = _CLOSED, 0.0, None
        while self._retired and now - self._retired[0][0] >= grace:
            _, fd, file = self._retired.pop(0)
            if _which(fd) == file:
                os.close(fd)

    def _reopen(self) -> int:
        with self._lock:
            if self._fd != _CLOSED and self._size <= SEGMENT_BYTES:
                return self._fd
            if time.monotonic() < self._retry_at:
                return _CLOSED
            self._retire()
            try:
                self._open(config().spool)
            except OSError as error:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
                reason = error.strerror or str(error)
            else:
                return self._fd
        notice(
            f"clustertrace can't record to {config().spool} ({reason}); the program goes on "
            "without. Set CLUSTERTRACE_DB to a place it may write to."
        )
        return _CLOSED

    def _open(self, folder: str) -> None:
        os.makedirs(os.path.dirname(folder), mode=0o700, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        _sweep(folder)
        name = f"{time.time_ns():016x}-{os.getpid()}-{os.urandom(3).hex()}"
        path, making = (os.path.join(folder, name + end) for end in (".jsonl", ".new"))
        fd = os.open(making, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _lock_for_life(fd)
            head = {"type": "segment", "pid": os.getpid(), "dropped": self.dropped}
            os.write(fd, json.dumps(head).encode() + b"\n")
            os.rename(making, path)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(making)
            raise
        self._retire()
        self._fd, self._file, self._size, self.segment = fd, _which(fd), 0, path
        if config().endpoint:
            from clustertrace.record.shipping import shipper

            with contextlib.suppress(RuntimeError):  # no more threads: another process will send
                shipper()

    def _lost(self, fd: int, error: OSError | None) -> None:
        """A line that was not written, or only in part: its segment ends here."""
        self.dropped += 1
        if fd == _CLOSED:
            return
        with self._lock:
            if self._fd == fd:
                self._retire()
                self._retry_at = time.monotonic() + _RETRY_SECONDS
        reason = error.strerror if error else "the disk took only a part"
        notice(f"clustertrace lost a span ({reason}); the program goes on.")


def _sweep(folder: str) -> None:
    """Delete beginnings of segments whose process was killed before they had their final name."""
    now = time.time()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".new"):
                with contextlib.suppress(OSError):  # another process was quicker
                    if now - entry.stat().st_mtime > _MAKING_SECONDS:
                        os.unlink(entry.path)


def _lock_for_life(fd: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks here: readers go by the file's age
        return
    # Some network file systems have none either; readers can't take one there, and wait.
    with contextlib.suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _which(fd: int) -> _File | None:
    try:
        there = os.fstat(fd)
    except OSError:
        return None
    return there.st_dev, there.st_ino


def _is_open(fd: int, file: _File | None) -> bool:
    """Whether `fd` is still that file, and the file has a name."""
    try:
        there = os.fstat(fd)
    except OSError:
        return False
    return there.st_nlink > 0 and (there.st_dev, there.st_ino) == file


spool = Spool()
"""The process's own."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=spool.forget)
