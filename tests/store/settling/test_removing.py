"""Traces that are taken out leave nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

from clustertrace.model import Batch, Metric, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.schema import tables
from clustertrace.store.settling import removing

SECOND = 10**9
NAMES = {"families", "state", "trait_names"}
"""What has been seen so far: leaders and names stay, since others may come that need them."""


READ = {"transcript_files", "transcript_turns", "turn_hosts"}
"""How far transcripts were read, which stays: what was removed is not read in again."""


def run(number: int, *tools: str) -> Batch:
    """A failed trace with a session, a tag and a metric."""
    trace_id = f"{number:032x}"
    root = Span(trace_id, "1" * 16, None, "agent", "agent", "error", number * SECOND, 9 * SECOND)
    steps = [
        root._replace(span_id=f"{at:016x}", parent_span_id="1" * 16, name=tool, kind="tool")
        for at, tool in enumerate(tools, 2)
    ]
    metrics = (Metric("score", 0.5, SECOND),)
    facts = TraceFacts(trace_id, session_id="talk", tags={"a": "b"}, metrics=metrics)
    return Batch([root, *steps], [facts])


def content(store: Store) -> dict[str, list[Any]]:
    """Every row of every table that follows from traces, without running numbers."""
    contents: dict[str, list[Any]] = {}
    with store.read() as conn:
        for table in SQLModel.metadata.tables:
            if table not in NAMES:
                rows = conn.rows(f"SELECT * FROM {table}")
                contents[table] = sorted(
                    repr(row[:2] + row[3:] if table == "spans" else row) for row in rows
                )
    return contents


def test_it_is_as_if_it_had_never_come(store: Store, tmp_path: Path, empty_database: Path) -> None:
    """Rows, roll-ups, tags, metrics and what search finds are those of the others alone."""
    store.write(run(1, "search", "fetch"))
    store.write(run(2, "look", "needle"))
    store.refresh()
    store.remove(f"{2:032x}", f"{3:032x}")
    store.refresh()
    shutil.copy(empty_database, tmp_path / "alone.db")
    with Store.open(tmp_path / "alone.db") as alone:
        alone.write(run(1, "search", "fetch"))
        alone.refresh()
        assert content(store) == content(alone)
    with store.read() as conn:
        assert queries.search(conn, "needle").hits == ()
        assert len(queries.search(conn, "fetch").hits) == 1


def test_every_table_that_holds_traces_is_gone_through() -> None:
    """A table that gets rows of traces is one that they are taken out of."""
    holding = {
        str(table)
        for table, found in SQLModel.metadata.tables.items()
        if "trace_id" in found.columns
    }
    assert tables.TraceRow.__tablename__ in holding
    assert set(removing.TABLES) == holding - READ


def test_before_it_is_settled(store: Store) -> None:
    """A trace that has only just come goes as well."""
    store.write(run(1, "search"))
    store.remove(f"{1:032x}")
    store.refresh()
    with store.read() as conn:
        assert queries.overview(conn).traces == 0
        assert queries.newest_span(conn) is None


def test_the_newest_span_is_the_one_that_came_last(store: Store) -> None:
    """Whenever it ran; a running one has its start for an end."""
    store.write(run(5, "late"))
    running = run(1).spans[0]._replace(name="early", status="running", end_ns=None)
    store.write(Batch([running], []))
    with store.read() as conn:
        newest = queries.newest_span(conn)
    assert newest is not None
    assert newest == (f"{1:032x}", "early", SECOND)
