"""A receiver process on a free port, and a store that is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from clustertrace.model import Batch, Trace
from tests.processes import until

START_SECONDS = 30


class FakeStore:
    """Remembers what was written; fails or waits as it is told."""

    def __init__(self) -> None:
        self.written: list[Batch] = []
        self.calls: list[str] = []
        self.fail: Callable[[Batch], Exception | None] = lambda batch: None
        self.open = threading.Event()
        self.open.set()
        self.drained = 0
        """Spans that the next drain finds."""

    def write(self, batch: Batch) -> None:
        self.open.wait()
        error = self.fail(batch)
        if error is not None:
            raise error
        self.written.append(batch)

    def drain(self, *, wait: float, limit: int) -> Any:
        self.calls.append("drain")
        found, self.drained = self.drained, 0
        return SimpleNamespace(spans=found, bad_lines=0)

    def settle(self, *, limit: int) -> int:
        self.calls.append("settle")
        return 0

    def index_text(self, *, limit: int) -> int:
        self.calls.append("index")
        return 0

    def note_traits(self, *, limit: int) -> int:
        self.calls.append("note")
        return 0

    def note_prompts(self, *, limit: int) -> int:
        self.calls.append("prompts")
        return 0

    def tidy_text(self, *, limit: int) -> bool:
        self.calls.append("tidy")
        return False


@pytest.fixture
def fake_store() -> FakeStore:
    """A store in memory."""
    return FakeStore()


class Receiver:
    """A receiver process and its database."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, db: Path | str) -> None:
        self.process, self.port, self.db = process, port, db
        self.url = f"http://localhost:{port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def health(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get("/healthz").json()
        return answer

    def traces(self) -> list[Trace]:
        """All that is stored, settled."""
        from clustertrace.store import Store, queries

        with Store.open(self.db) as store:
            store.refresh()
            with store.read() as conn:
                return list(queries.export(conn))

    def until(self, condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Wait until something holds, as long as the receiver runs."""

        def holds() -> bool:
            assert self.process.poll() is None, "the receiver ended"
            return condition()

        until(holds, seconds)


@contextmanager
def running(
    db: Path | str, arguments: Sequence[str] = ("--no-ui",), **environment: str
) -> Iterator[Receiver]:
    """A receiver process until the block ends."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "clustertrace.ingest", "--port", "0"),
            *("--db", str(db), *arguments),
        ],
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        assert "receives at" in line, line
        receiver = Receiver(process, int(line.rpartition(":")[2]), db)
        receiver.health()
        yield receiver
        receiver.http.close()
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def shared_receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One receiver without pages for all tests of a file."""
    with running(tmp_path_factory.mktemp("receiver") / "traces.db") as receiver:
        yield receiver


@pytest.fixture
def start_receiver(tmp_path: Path) -> Callable[..., Any]:
    """Starts a receiver of the test's own."""

    def start(*arguments: str, **environment: str) -> Any:
        return running(tmp_path / "own.db", arguments or ("--no-ui",), **environment)

    return start


def otlp(count: int = 1, trace: int = 1, **fields: Any) -> bytes:
    """OTLP/JSON of a root and its children."""
    spans = [
        {
            "traceId": f"{trace:032x}",
            "spanId": f"{number + 1:016x}",
            "parentSpanId": "" if number == 0 else f"{1:016x}",
            "name": "root" if number == 0 else f"step {number}",
            "startTimeUnixNano": str(1_700_000_000_000_000_000 + number),
            "endTimeUnixNano": str(1_700_000_001_000_000_000 - number),
            **fields,
        }
        for number in range(count)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


@pytest.fixture
def otlp_json() -> Callable[..., bytes]:
    """Makes OTLP/JSON bodies."""
    return otlp
