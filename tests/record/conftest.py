"""What a recorder wrote, read back through a real store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clustertrace.model import Span, Trace
from clustertrace.store import Store, queries

Program = Callable[[str], "subprocess.CompletedProcess[str]"]


class Recorded:
    """Everything that has been recorded into the test's database."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def traces(self) -> list[Trace]:
        """All traces, oldest first."""
        self.store.refresh()
        with self.store.read() as conn:
            return list(queries.export(conn))

    def trace(self) -> Trace:
        """The only trace."""
        (only,) = self.traces()
        return only

    def spans(self) -> dict[str, Span]:
        """The spans of the only trace, by name."""
        return {span.name: span for span in self.trace().spans}

    def bad_lines(self) -> int:
        """Lines that the reader could not use."""
        return self.store.drain().bad_lines


@pytest.fixture
def recorded(store: Store) -> Recorded:
    """Read what the test has recorded."""
    return Recorded(store)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run a program of its own that records into the test's database."""

    def run(source: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "program.py"
        path.write_text(source)
        return subprocess.run(
            [sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=False
        )

    return run
