"""A folder of Parquet files by day, as DuckDB, Spark and Polars read them: traces and their spans.

    runs/traces/day=2026-11-23/traces.parquet
    runs/spans/day=2026-11-23/spans.parquet

A day is that on which a trace began, in UTC, for its spans too, so that what belongs together is
on the same one. Each file is complete or absent, and is not touched while its content stays the
same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.exchange.parquet_file import MOMENT, Column, moment, rows_of, seconds, write_rows
from clustertrace.exchange.tables import write_parquet
from clustertrace.exchange.writing import open_target
from clustertrace.filters import Filter
from clustertrace.store import queries
from clustertrace.store.answers import TraceRow
from clustertrace.store.connection import Connection

__all__ = ["Days", "export_days"]

_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = re.compile(r"day=(\d{4}-\d\d-\d\d)")

_COLUMNS: Final = (
    Column("trace_id", "string", lambda step: step.span.trace_id),
    Column("span_id", "string", lambda step: step.span.span_id),
    Column("parent_span_id", "string", lambda step: step.span.parent_span_id),
    Column("name", "string", lambda step: step.span.name),
    Column("kind", "string", lambda step: step.span.kind),
    Column("status", "string", lambda step: step.span.status),
    Column("start", MOMENT, lambda step: moment(step.span.start_ns)),
    Column("duration_s", "double", lambda step: seconds(step.span.duration_ns)),
    Column("model", "string", lambda step: step.span.model),
    Column("provider", "string", lambda step: step.span.provider),
    Column("input_tokens", "int64", lambda step: step.span.input_tokens),
    Column("output_tokens", "int64", lambda step: step.span.output_tokens),
    Column("cache_read_tokens", "int64", lambda step: step.span.cache_read_tokens),
    Column("cache_write_tokens", "int64", lambda step: step.span.cache_write_tokens),
    Column("reasoning_tokens", "int64", lambda step: step.span.reasoning_tokens),
    Column("cost_usd", "double", lambda step: step.span.cost_usd),
    Column("counted", "bool", lambda step: step.counted),
    Column("finish_reason", "string", lambda step: step.span.finish_reason),
    Column("error_type", "string", lambda step: step.span.error_type),
    Column("error_message", "string", lambda step: step.span.error_message),
    Column("internal", "bool", lambda step: step.internal),
)
"""Those of a span; units as of a trace's (clustertrace.exchange.tables)."""


class Days(NamedTuple):
    """What became of a folder."""

    traces: int
    written: tuple[date, ...]
    """Days of which a file is new or another than before."""
    unchanged: tuple[date, ...]
    kept: tuple[date, ...]
    """Days of which the folder has more traces than are among these; they stay as they are."""
    others: tuple[date, ...]
    """Days in the folder on which none of the traces began; they stay as they are."""


def export_days(conn: Connection, where: Filter | None, folder: Path) -> Days:
    """Write what matches into the folder, day by day, some thousand spans in memory at once.

    A day that has a trace among these is replaced as a whole, unless that would lose some: the
    rest of it may have been deleted, or cut off by the filter. Raises UsageError where the folder
    can't be written to, or Parquet can't be made here.
    """
    traces = 0
    written: list[date] = []
    unchanged: list[date] = []
    kept: list[date] = []
    for number, count in queries.days(conn, where).items():
        day = _EPOCH + timedelta(days=number)
        targets = [_target(folder, table, day) for table in ("traces", "spans")]
        if count < rows_of(targets[0]):
            kept.append(day)
            continue
        before = [_state(target) for target in targets]
        traces += _write_day(conn, where, number, targets)
        same = before == [_state(target) for target in targets]
        (unchanged if same else written).append(day)
    others = _days_in(folder) - {*written, *unchanged, *kept}
    return Days(traces, tuple(written), tuple(unchanged), tuple(kept), tuple(sorted(others)))


def _write_day(conn: Connection, where: Filter | None, day: int, targets: Sequence[Path]) -> int:
    """Both files of a day; how many traces it has."""
    count = 0

    def lines() -> Iterator[list[TraceRow]]:
        nonlocal count
        for part in queries.lines(conn, where, day=day):
            count += len(part)
            yield part

    with ExitStack() as both:
        of_traces, of_spans = (
            both.enter_context(open_target(target, keep_equal=True)) for target in targets
        )
        # The day's own tags: a new one changes no file of an older day.
        write_parquet(of_traces, lines(), queries.tag_keys_of(conn, day))
        parts = queries.lines(conn, where, day=day)
        write_rows(
            of_spans, _COLUMNS, (some for part in parts for some in queries.steps(conn, part))
        )
    return count


def _target(folder: Path, table: str, day: date) -> Path:
    inside = folder / table / f"day={day}"
    try:
        for made in (folder, folder / table, inside):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{inside} can't be created: {reason}.") from None
    return inside / f"{table}.parquet"


def _state(path: Path) -> tuple[int, int] | None:
    """Changes when the file is replaced."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns


def _days_in(folder: Path) -> set[date]:
    return {day for path in folder.glob("traces/day=*") if (day := _day_of(path.name)) is not None}


def _day_of(name: str) -> date | None:
    """The day of a folder; None of one that is not ours."""
    named = _DAY.fullmatch(name)
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:
        return None
