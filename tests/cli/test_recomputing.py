"""`backfill-cost` and `backfill-signatures`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from clustertrace.model import Batch, Span
from clustertrace.store.store import Store

Run = Callable[..., Any]


def test_reported_costs_stay(run: Run, filled: Store) -> None:
    """Reported costs stay, and both forms of the answer say so."""
    done = run("backfill-cost", "--json")
    assert done.code == 0
    assert done.answer == {"calls": 3, "changed": 0, "reported": 3, "unpriced": 0, "added_usd": 0.0}
    assert "3 calls of models: 0 repriced, 3 keep the cost" in run("backfill-cost").out


def test_without_news_no_pattern_changes(run: Run, filled: Store) -> None:
    """All traces are gone through, and none changes when nothing is new."""
    assert run("backfill-signatures", "--json").answer == {"traces": 3, "changed": 0}
    assert "3 traces summarised again, 0 of them" in run("backfill-signatures").out


@pytest.mark.sqlite("a database that is not there")
def test_no_database(run: Run) -> None:
    """Without a database there is nothing to work out, and none is made."""
    done = run("backfill-cost")
    assert done.code == 2
    assert "There is no database" in done.err


def test_others_write_meanwhile(run: Run, filled: Store) -> None:
    """Whoever writes to the database at the same time goes on, and nothing of it is lost."""
    stop = threading.Event()
    written = 0

    def write() -> None:
        nonlocal written
        while not stop.is_set():
            written += 1
            ids = (f"{written + 100:032x}", f"{written + 100:016x}")
            filled.write(Batch([Span(*ids, None, "agent", "agent", "ok", 1, 2)], []))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        codes = [run(name).code for name in ("backfill-signatures", "backfill-cost") * 3]
    finally:
        stop.set()
        writer.join()
    assert codes == [0] * 6
    assert written > 0
    assert run("stats", "--json").answer["traces"] == 3 + written
