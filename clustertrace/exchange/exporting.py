"""Traces out of a database, in any of the forms that `export` knows."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from clustertrace.exchange.native import dump_trace
from clustertrace.exchange.otlp import dump_otlp
from clustertrace.exchange.tables import csv_parts, write_parquet
from clustertrace.filters import Filter
from clustertrace.model import Trace
from clustertrace.store import queries
from clustertrace.store.answers import TraceRow
from clustertrace.store.connection import Connection

__all__ = ["Form", "Selection", "export_traces"]

Form = Literal["native", "otlp", "csv", "parquet"]
Write = Callable[[bytes], Any]

_WHOLE: Final[dict[str, Callable[[Trace], bytes]]] = {"native": dump_trace, "otlp": dump_otlp}


class Selection(NamedTuple):
    """Which traces: those named by an id or a unique beginning of it, else all that match."""

    ids: Sequence[str] = ()
    where: Filter | None = None


def export_traces(conn: Connection, which: Selection, form: Form, write: Write) -> int:
    """Write the selected traces, in the order named, else oldest first; how many they were.

    All named ones are found before the first is written. Raises NotFound for an id that no trace
    has, UsageError where Parquet can't be written here.
    """
    dump = _WHOLE.get(form)
    if dump is not None:
        written = 0
        for trace in _traces(conn, which):
            write(dump(trace))
            written += 1
        return written
    rows = _Counted(_rows(conn, which))
    tags = queries.tag_keys(conn)
    if form == "csv":
        for part in csv_parts(rows, tags):
            write(part)
    else:
        # Left to the collector, its last megabyte would go without a word where the disk is full.
        with io.BufferedWriter(_Sink(write), 1 << 20) as target:
            write_parquet(target, rows, tags)
    return rows.count


def _traces(conn: Connection, which: Selection) -> Iterator[Trace]:
    if not which.ids:
        return queries.export(conn, which.where)
    found = [queries.trace(conn, trace_id) for trace_id in which.ids]
    return iter({trace.trace_id: trace for trace in found}.values())


def _rows(conn: Connection, which: Selection) -> Iterator[list[TraceRow]]:
    if not which.ids:
        return queries.lines(conn, which.where)
    found = [queries.trace_row(conn, trace_id) for trace_id in which.ids]
    return iter([list({row.trace_id: row for row in found}.values())])


class _Counted:
    """Parts of a table, counted as they pass."""

    def __init__(self, parts: Iterator[list[TraceRow]]) -> None:
        self._parts = parts
        self.count = 0

    def __iter__(self) -> Iterator[list[TraceRow]]:
        for part in self._parts:
            self.count += len(part)
            yield part


class _Sink(io.RawIOBase):
    """A file that bytes can be written to, and nothing else: standard output may be a pipe."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._write(bytes(data))
        return len(data)
