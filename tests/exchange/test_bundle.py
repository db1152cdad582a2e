"""The traces that come with the package."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from clustertrace.exchange import bundle
from clustertrace.store import queries
from clustertrace.store.store import Store

Line = Callable[..., bytes]


def test_the_newest_trace_is_from_now(
    store: Store, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All traces move together, so that the newest ends now and their distances stay."""
    (tmp_path / "traces.jsonl.gz").write_bytes(gzip.compress(line(1) + line(5)))
    monkeypatch.setattr(bundle, "files", lambda _package: tmp_path)
    assert bundle.load_bundle(store, 1_000_000) == 2
    store.refresh()
    with store.read() as conn:
        starts = [trace.start_ns for trace in queries.export(conn)]
    assert starts == [996_000, 1_000_000]
