"""Draining: what a recorder appended is read once, whatever crashes."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clustertrace.errors import StoreBusy
from clustertrace.store import Store, queries
from clustertrace.store.writing import draining
from tests.store.conftest import SECOND, START

ID = "ab" * 16


class Segment:
    """A recorder's spool segment, written by hand; it holds the lock while it lives."""

    def __init__(self, store: Store, name: str = "one.jsonl") -> None:
        store.spool.mkdir(parents=True, exist_ok=True)
        self.path = store.spool / name
        self._file = self.path.open("ab", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def line(self, kind: str, number: int, **more: Any) -> bytes:
        record = {
            "type": kind,
            "trace_id": ID,
            "span_id": f"{number:016x}",
            "name": f"span-{number}",
            "start_time_unix_nano": START,
            "end_time_unix_nano": None if kind == "start" else START + SECOND,
        }
        return json.dumps(record | more).encode() + b"\n"

    def append(self, data: bytes) -> None:
        os.write(self._file.fileno(), data)

    def die(self) -> None:
        self._file.close()


@pytest.fixture
def segment(store: Store) -> Iterator[Segment]:
    """Open a segment of a living process."""
    made = Segment(store)
    yield made
    made.die()


def spans(store: Store) -> int:
    """Count all spans."""
    store.refresh()
    with store.read() as conn:
        return queries.overview(conn).spans


def test_lines_are_read_as_they_come(store: Store, segment: Segment) -> None:
    """Each drain reads what is new and leaves a living process's segment alone."""
    segment.append(segment.line("span", 1))
    assert store.drain().spans == 1
    assert store.drain().spans == 0
    segment.append(segment.line("span", 2) + segment.line("span", 3))
    assert store.drain().spans == 2
    assert segment.path.exists()
    assert spans(store) == 3


def test_a_torn_line_waits_until_it_is_whole(store: Store, segment: Segment) -> None:
    """Half a line is left where it is and read once its other half has come."""
    line = segment.line("span", 1)
    segment.append(line[:40])
    assert store.drain() == (0, 0, 0)
    segment.append(line[40:])
    assert store.drain().spans == 1


def test_a_dead_segment_is_read_and_deleted(store: Store, segment: Segment) -> None:
    """After its process is gone a segment is read to its end and removed; a torn rest is bad."""
    segment.append(segment.line("span", 1) + segment.line("span", 2)[:30])
    segment.die()
    assert store.drain() == (1, 1, 1)
    assert not segment.path.exists()
    with store.read() as conn:
        assert conn.rows("SELECT * FROM spool_segments") == []


def test_what_ran_in_a_dead_process_is_incomplete(store: Store, segment: Segment) -> None:
    """A root that began and never ended says so once its process is gone, not before."""
    segment.append(segment.line("start", 1) + segment.line("span", 2, parent_span_id=f"{1:016x}"))
    store.refresh()
    with store.read() as conn:
        assert queries.trace(conn, ID).status == "running"
    segment.die()
    store.refresh()
    with store.read() as conn:
        assert queries.trace(conn, ID).status == "incomplete"
        assert queries.overview(conn).incomplete == 1


def test_another_process_does_not_end_ours(store: Store, segment: Segment) -> None:
    """A process that exits marks only its own running traces incomplete."""
    segment.append(segment.line("start", 1))
    other = Segment(store, "two.jsonl")
    other.append(other.line("start", 2, trace_id="cd" * 16))
    other.die()
    store.refresh()
    with store.read() as conn:
        assert queries.trace(conn, ID).status == "running"
        assert queries.trace(conn, "cd" * 16).status == "incomplete"


def test_a_bad_line_costs_no_other(store: Store, segment: Segment) -> None:
    """Lines that are not ours are counted and passed over."""
    good = segment.line("span", 1)
    segment.append(b"\x00\xff nonsense\n" + good + b'{"type":"span","trace_id":"zz"}\n\n')
    assert store.drain() == (1, 2, 1)


def test_a_crash_between_commit_and_deletion_doubles_nothing(
    store: Store, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead segment that survives its burial is read again to no effect."""
    segment.append(segment.line("span", 1))
    segment.die()
    copy = segment.path.read_bytes()
    store.drain()
    segment.path.write_bytes(copy)
    assert store.drain().spans == 0
    assert spans(store) == 1
    assert not segment.path.exists()


def test_a_long_line_is_read_whole(
    store: Store, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line longer than one read is put together again."""
    monkeypatch.setattr(draining, "CHUNK", 64)
    segment.append(segment.line("span", 1, input="x" * 1000) + segment.line("span", 2))
    assert store.drain().spans == 2


def test_only_one_process_drains(store: Store, segment: Segment) -> None:
    """A drain that is kept waiting too long says so."""
    from filelock import FileLock

    segment.append(segment.line("span", 1))
    with FileLock(store.spool / ".drain.lock"), pytest.raises(StoreBusy, match="try again"):
        store.drain(wait=0.01)


def test_no_spool_is_nothing_to_read(store: Store) -> None:
    """A database that nobody records into drains to nothing."""
    assert not Path(store.spool).exists()
    assert store.drain() == (0, 0, 0)
