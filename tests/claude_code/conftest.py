"""A port that nothing listens on, and what listens there later."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clustertrace.cli.supervisor import Address, health
from tests.processes import free_port, until


def receivers(port: int) -> list[int]:
    """The processes that were started to listen on a port."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"clustertrace.ingest" in words and str(port).encode() in words:
            found[int(entry.name)] = parent
    # What a receiver starts bears its words until it becomes another program.
    return [process for process, parent in found.items() if parent not in found]


class Started:
    """The receiver that is, or will be, on a port."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.address = Address("localhost", port)

    def ready(self) -> dict[str, Any]:
        """What it says, once it answers."""
        answer = until(lambda: health(self.address))
        assert answer is not None
        return answer

    def grpc_port(self) -> int:
        """Where it takes OTLP/gRPC, once it does."""
        port: int = until(lambda: self.ready()["grpc"])
        return port

    @property
    def processes(self) -> list[int]:
        return receivers(self.port)

    def gone(self) -> None:
        """Wait until it has left."""
        until(lambda: not self.processes)


@pytest.fixture
def started() -> Iterator[Started]:
    """A free port; whatever is started there ends with the test."""
    receiver = Started(free_port())
    yield receiver
    for process in receiver.processes:
        os.kill(process, signal.SIGTERM)
    receiver.gone()
