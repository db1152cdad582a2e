"""The spool: one file a process, one `os.write` a line, nothing in memory that a crash could lose.

A segment appears under its final name only when it is locked, and stays locked as long as its
process lives, so that a reader can tell a living writer from a dead one. A spool that can't be
written (full disk, missing folder) is reported once, dropped spans are counted, and every few
seconds another attempt is made: the program goes on at full speed either way.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from threading import Lock
from typing import Final

from clustertrace.record.config import config
from clustertrace.record.notices import notice

__all__ = ["Spool", "spool"]

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""A segment that has grown past this is closed, so that it can be read and deleted."""

_RETRY_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 10.0
"""How long a segment stays open after its end: another thread may be about to write to it, and
the number of a closed file soon stands for one of the program's own."""

_CLOSED: Final = -1


class Spool:
    """This process's place to append lines to."""

    def __init__(self) -> None:
        self._fd = _CLOSED
        self._size = 0
        self._retry_at = 0.0
        self._retired: list[tuple[float, int]] = []
        self._lock = Lock()
        self.segment: Path | None = None
        """The file being written, if there is one."""
        self.dropped = 0
        """Lines that could not be written anywhere."""

    def append(self, line: bytes) -> None:
        """Append one line, its end included. Never raises."""
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
        """Look whether the segment is still there: written to a deleted file, spans are lost."""
        fd = self._fd
        if fd != _CLOSED:
            try:
                if os.fstat(fd).st_nlink:
                    return
            except OSError:
                pass
            with self._lock:
                self._retire()

    def sync(self) -> bool:
        """Have the disk confirm what was written; whether it did."""
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
        self._lock = Lock()
        self._retire(grace=0.0)

    def _retire(self, grace: float = _GRACE_SECONDS) -> None:
        """Let go of the segment, and close those that were let go of long enough ago."""
        now = time.monotonic()
        if self._fd != _CLOSED:
            self._retired.append((now, self._fd))
        self._fd, self._retry_at, self.segment = _CLOSED, 0.0, None
        while self._retired and now - self._retired[0][0] >= grace:
            os.close(self._retired.pop(0)[1])

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
                notice(
                    f"clustertrace can't record to {config().spool} ({error.strerror or error}); "
                    "the program goes on without. Set CLUSTERTRACE_DB to a place it may write to."
                )
            return self._fd

    def _open(self, folder: Path) -> None:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{time.time_ns():016x}-{os.getpid()}-{os.urandom(3).hex()}.jsonl"
        making = path.with_suffix(".new")
        fd = os.open(making, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _lock_for_life(fd)
            head = {"type": "segment", "pid": os.getpid(), "dropped": self.dropped}
            os.write(fd, json.dumps(head).encode() + b"\n")
            making.rename(path)
        except OSError:
            os.close(fd)
            raise
        self._fd, self._size, self.segment = fd, 0, path
        if config().endpoint:
            from clustertrace.record.shipping import shipper

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


def _lock_for_life(fd: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such locks here: readers go by the file's age
        return
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


spool = Spool()
"""The process's own."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=spool.forget)
