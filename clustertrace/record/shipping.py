"""Sending the spool to a remote receiver (CLUSTERTRACE_ENDPOINT), from a thread of its own.

The program appends to its segment in the outbox as usual; this thread follows and posts whole
lines. What was not acknowledged stays on the disk and is sent by the next process that starts, so
each span arrives at least once, and the receiver counts it once.
"""

from __future__ import annotations

import atexit
import base64
import codecs
import logging  # noqa: F401 - see below
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import cache
from pathlib import Path
from typing import Final

from clustertrace.record.config import config
from clustertrace.record.notices import later, tell
from clustertrace.record.spool import spool

__all__ = ["Shipper", "shipper"]

_POST_BYTES: Final = 1024 * 1024
_EVERY_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 30.0
_POST_TIMEOUT_SECONDS: Final = 10.0
_EXIT_SECONDS: Final = 1.0
_SHORTEST_WAIT_SECONDS: Final = 0.05
_LATER: Final = frozenset({429, 502, 503, 504})
_NEVER: Final = frozenset({400, 413, 422})
"""Answers that are about the lines rather than about the receiver or the connection."""


class _Refused(Exception):
    """The receiver will not take these lines, now or later."""


class Shipper:
    """Reads the segments in the outbox and posts their lines."""

    def __init__(self, endpoint: str, outbox: Path) -> None:
        self._url = f"{endpoint}/v1/spans"
        self._headers = {"Content-Type": "application/x-ndjson"}
        if key := config().key:
            self._headers["Authorization"] = f"Bearer {key}"
        elif login := config().login:
            encoded = base64.b64encode(urllib.parse.unquote_to_bytes(login)).decode()
            self._headers["Authorization"] = f"Basic {encoded}"
        self._outbox = outbox
        self._sent: dict[Path, int] = {}
        self._accepts = False
        """Whether it has ever accepted anything: if not, it is not our receiver."""
        self._turn = threading.Lock()
        # No proxy from the environment: the receiver is named exactly.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        # The program may fork at any moment, and in the child what the thread was importing would
        # be half there for ever. So it must import nothing: sockets look this codec up late, and
        # notices need logging. (Loaded at the program's end, that would also make Python forget
        # that an interrupt ended it, and leave with 1.)
        codecs.lookup("idna")
        self._thread = threading.Thread(target=self._run, name="clustertrace-ship", daemon=True)
        self._thread.start()
        atexit.register(self._finish)

    def flush(self, timeout: float) -> bool:
        """Send what is there, for at most `timeout` seconds; returns whether all was accepted."""
        try:
            return self._flush(time.monotonic() + timeout, once=False)
        finally:
            tell()

    def _flush(self, until: float, *, once: bool) -> bool:
        while True:
            left = until - time.monotonic()
            if left <= 0 or not self._turn.acquire(timeout=left):
                return False
            try:
                wait = self._ship(until)
            finally:
                self._turn.release()
            if wait is None:
                return not spool.dropped
            if once or time.monotonic() + wait >= until:
                return False
            time.sleep(wait)

    def _finish(self) -> None:
        """At the end of the process: a closed segment can be sent whole, and deleted.

        It is tried once: a program does not end later for a receiver that is not there.
        """
        spool.close()
        try:
            self._flush(time.monotonic() + _EXIT_SECONDS, once=True)
        finally:
            tell()

    def _run(self) -> None:
        failures = 0
        while True:
            with self._turn:
                wait = self._ship(None)
            failures = 0 if wait is None else failures + 1
            pause = _EVERY_SECONDS if wait is None else max(wait, 0.5 * 2 ** min(failures, 6))
            time.sleep(min(pause, _LONGEST_WAIT_SECONDS))

    def _ship(self, until: float | None) -> float | None:
        """Send every segment to its end; returns the seconds to wait if not all was accepted."""
        for path in sorted(self._outbox.glob("*.jsonl")):
            try:
                wait = self._ship_segment(path, until)
            except OSError:
                continue
            if wait is not None:
                return wait
        return None

    def _ship_segment(self, path: Path, until: float | None) -> float | None:
        own = str(path) == spool.segment
        with path.open("rb") as file:
            over = not own and _ended(file.fileno())
            if not own and not over and f"-{os.getpid()}-" not in path.name:
                return None  # another living process sends its own
            offset = self._sent.get(path, 0)
            while True:
                file.seek(offset)
                block = file.read(_POST_BYTES)
                if block and b"\n" not in block:
                    block += file.readline()
                block = block[: block.rfind(b"\n") + 1]
                if not block:
                    break
                wait = self._deliver(block, until)
                if wait is not None:
                    return wait
                offset += len(block)
                self._sent[path] = offset
            if over:
                path.unlink(missing_ok=True)
                self._sent.pop(path, None)
        return None

    def _deliver(self, lines: bytes, until: float | None) -> float | None:
        """Post lines; if some are refused, halve the batch until those are alone, and drop them.

        Otherwise one line that no receiver accepts would block all that follow.
        """
        try:
            return self._post(lines, until)
        except _Refused as refused:
            middle = lines.find(b"\n", len(lines) // 2) + 1
            if middle == len(lines):
                middle = lines.rfind(b"\n", 0, len(lines) // 2) + 1
            if not middle and self._accepts:
                later(f"{self._url} refuses a span for good ({refused}); it is dropped.")
                return None
            if not middle:
                return self._refusal(str(refused))
        return self._deliver(lines[:middle], until) or self._deliver(lines[middle:], until)

    def _post(self, lines: bytes, until: float | None) -> float | None:
        timeout = _POST_TIMEOUT_SECONDS
        if until is not None:
            timeout = max(_SHORTEST_WAIT_SECONDS, min(timeout, until - time.monotonic()))
        try:
            request = urllib.request.Request(self._url, lines, self._headers, method="POST")
            with self._opener.open(request, timeout=timeout):
                self._accepts = True
                return None
        except urllib.error.HTTPError as error:
            with error:
                if error.code in _LATER:
                    return _seconds(error.headers.get("Retry-After"))
                if error.code in _NEVER:
                    raise _Refused(f"HTTP {error.code}") from None
                return self._refusal(f"HTTP {error.code}")
        except Exception as error:
            # Connecting may raise anything, from ValueError for the address to HTTPException.
            later(
                f"{self._url} can't be reached ({error}); spans wait in {self._outbox} and are "
                "sent later."
            )
        return _EVERY_SECONDS

    def _refusal(self, how: str) -> float:
        later(
            f"{self._url} refused spans ({how}); they stay in {self._outbox}. "
            "Check CLUSTERTRACE_ENDPOINT and CLUSTERTRACE_KEY."
        )
        return _EVERY_SECONDS


def _seconds(text: str | None) -> float:
    if not text or not text.isdecimal():
        return _EVERY_SECONDS
    return max(_SHORTEST_WAIT_SECONDS, min(float(text), _LONGEST_WAIT_SECONDS))


def _ended(fd: int) -> bool:
    """Take the lock of a segment that nobody writes to any more; False if somebody has it."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@cache
def shipper() -> Shipper:
    """This process's shipper, started when it is first asked for."""
    return Shipper(config().endpoint, Path(config().spool))


if hasattr(os, "register_at_fork"):
    # A thread does not survive a fork: the child starts its own with its first segment.
    os.register_at_fork(after_in_child=shipper.cache_clear)
