"""Native records to read, and databases to read them into."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from clustertrace.exchange.importing import ImportResult, import_native
from clustertrace.exchange.native import dump_trace
from clustertrace.exchange.reading import source_of
from clustertrace.store import queries
from clustertrace.store.store import Store

ReadIn = Callable[[Store, bytes], ImportResult]
ReadOut = Callable[[Store], bytes]
Line = Callable[..., bytes]


@pytest.fixture
def line() -> Line:
    """Make a native line of one trace with one span; keywords change or add keys of the trace."""

    def make(number: int = 1, **changes: object) -> bytes:
        span = {
            "span_id": f"{number:016x}",
            "name": "agent",
            "start_time_unix_nano": 1_000 * number,
        }
        record = {"format": "clustertrace/1", "trace_id": f"{number:032x}", "spans": [span]}
        return orjson.dumps(record | changes) + b"\n"

    return make


@pytest.fixture
def read_in() -> ReadIn:
    """Import bytes into a store."""
    return lambda store, data: import_native(store, source_of(io.BytesIO(data), "test"))


@pytest.fixture
def read_out() -> ReadOut:
    """Export everything that a store holds."""

    def export(store: Store) -> bytes:
        store.refresh()
        with store.read() as conn:
            return b"".join(dump_trace(trace) for trace in queries.export(conn))

    return export


@pytest.fixture
def other_store(tmp_path: Path) -> Iterator[Store]:
    """Open a second database, empty."""
    with Store.open(tmp_path / "other.db") as opened:
        yield opened
