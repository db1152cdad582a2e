"""Processes that tests start: a port for them, waiting for them, and whether they still run."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["free_port", "is_alive", "until"]

Found = TypeVar("Found")


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def is_alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Callable[[], Found], seconds: float = 30) -> Found:
    """Wait until a condition is true, and return what it returned."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found
