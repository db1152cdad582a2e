"""Traces out of a database: what can't be written is an error, whatever the form."""

from __future__ import annotations

import errno

import pytest

from clustertrace.exchange.exporting import Form, Selection, export_traces
from clustertrace.model import Batch, Span
from clustertrace.store.store import Store


@pytest.mark.parametrize("form", ["native", "otlp", "csv", "parquet"])
def test_a_full_disk_is_told(store: Store, form: Form) -> None:
    """No form takes the last bytes for written when they are not."""
    store.write(Batch([Span("1" * 32, "2" * 16, None, "agent", "agent", "ok", 1, 2)], []))
    store.refresh()

    def full(_data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with store.read() as conn, pytest.raises(OSError, match="No space left"):
        export_traces(conn, Selection(), form, full)
