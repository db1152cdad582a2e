"""Bringing files into a store: what is added, skipped and refused."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

from clustertrace.exchange import importing
from clustertrace.exchange.importing import BadLine, ImportResult, import_native
from clustertrace.exchange.reading import open_source, source_of
from clustertrace.store import queries
from clustertrace.store.store import Store

ReadIn = Callable[[Store, bytes], ImportResult]
ReadOut = Callable[[Store], bytes]
Line = Callable[..., bytes]


def test_new_traces_are_added(store: Store, line: Line, read_in: ReadIn) -> None:
    """The result counts traces and their spans."""
    assert read_in(store, line(1) + line(2)) == ImportResult(added=2, spans=2)
    with store.read() as conn:
        assert queries.known_traces(conn, [f"{1:032x}", f"{9:032x}"]) == {f"{1:032x}"}


def test_known_traces_are_skipped(store: Store, line: Line, read_in: ReadIn) -> None:
    """A trace that the store has, or that stood earlier in the file, is left as it is."""
    read_in(store, line(1, name="first"))
    twice = read_in(store, line(1, name="second") + line(2) + line(2))
    assert twice == ImportResult(added=1, skipped=2, spans=1)
    store.refresh()
    with store.read() as conn:
        assert queries.trace(conn, f"{1:032x}").name == "first"


def test_a_repeat_beyond_a_batch_is_skipped_too(store: Store, line: Line, read_in: ReadIn) -> None:
    """Where a batch ends makes no difference to what is added."""
    many = importing.TRACES_A_BATCH * 2 + 3
    data = b"".join(line(number) for number in range(1, many + 1))
    assert read_in(store, data + line(1)) == ImportResult(added=many, skipped=1, spans=many)


def test_a_bad_line_costs_no_other(store: Store, line: Line, read_in: ReadIn) -> None:
    """Bad lines are named by number and reason; those around them are in."""
    result = read_in(store, line(1) + b"\nnonsense\n" + line(2, format="x") + line(3))
    assert (result.added, result.skipped, result.spans) == (2, 0, 2)
    assert [bad.line for bad in result.bad] == [3, 4]
    assert result.bad[0].reason.startswith("this is not JSON")
    assert result.bad[1].reason == 'format must be "clustertrace/1", not "x"'


def test_a_broken_file_keeps_what_came_before(store: Store, line: Line) -> None:
    """Where compressed data ends early, the lines before are in and the break is reported."""
    data = gzip.compress(b"".join(line(number) for number in range(1, 900)))[:-12]
    result = import_native(store, source_of(io.BytesIO(data), "test"))
    assert result.added > 100
    assert result.bad == [
        BadLine(result.added + 1, "the gzip data ends early; fetch or copy the file again")
    ]


def test_progress_ends_at_the_end(store: Store, line: Line) -> None:
    """Whoever draws a bar is told how many bytes were read, up to all of them."""
    data = b"".join(line(number) for number in range(1, 500))
    progress: list[int] = []
    import_native(store, source_of(io.BytesIO(data), "test"), progress.append)
    assert progress == sorted(progress)
    assert progress[-1] == len(data)


def test_real_runs_come_back_as_the_same_bytes(
    shared: Path, store: Store, other_store: Store, read_in: ReadIn, read_out: ReadOut
) -> None:
    """2 702 real runs: all in, exported, imported elsewhere and exported again."""
    added = 0
    for path in sorted((shared / "data").glob("*.jsonl.gz")):
        with open_source(path) as source:
            result = import_native(store, source)
        assert result.bad == []
        added += result.added
    assert added == 2702
    exported = read_out(store)
    assert read_in(other_store, exported).added == 2702
    assert read_out(other_store) == exported
