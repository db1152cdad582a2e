"""Traces as a table, one a line, for spreadsheets and data frames: CSV and Parquet.

Rows come in parts, so that a million of them are never in memory at once. Every part has the same
columns: those of a trace, and `tag.<key>` for each of the keys that are named.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, BinaryIO, Final, NamedTuple

from clustertrace.errors import UsageError
from clustertrace.store.answers import TraceRow

__all__ = ["csv_parts", "csv_table", "parquet_table", "write_parquet"]

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet may take for the beginning of a formula."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class _Column(NamedTuple):
    title: str
    type: str
    """Arrow's name of it."""
    of: Callable[[TraceRow], Any]


_MOMENT: Final = "moment"
_COLUMNS: Final = (
    _Column("trace_id", "string", lambda row: row.trace_id),
    _Column("name", "string", lambda row: row.name),
    _Column("status", "string", lambda row: row.status),
    _Column("outcome", "string", lambda row: row.outcome),
    _Column("failed", "bool", lambda row: row.failed),
    _Column("start", _MOMENT, lambda row: _EPOCH + timedelta(microseconds=row.start_ns // 1000)),
    _Column("duration_s", "double", lambda row: _seconds(row.duration_ns)),
    _Column("session_id", "string", lambda row: row.session_id),
    _Column("pattern", "string", lambda row: row.variant),
    _Column("spans", "int64", lambda row: row.span_count),
    _Column("errors", "int64", lambda row: row.error_count),
    _Column("llm_calls", "int64", lambda row: row.llm_calls),
    _Column("unpriced_calls", "int64", lambda row: row.unpriced_calls),
    _Column("input_tokens", "int64", lambda row: row.input_tokens),
    _Column("output_tokens", "int64", lambda row: row.output_tokens),
    _Column("cost_usd", "double", lambda row: row.cost_usd),
    _Column("first_prompt", "string", lambda row: row.first_prompt),
    _Column("error", "string", lambda row: row.error),
    _Column("starred", "bool", lambda row: row.starred),
    _Column("note", "string", lambda row: row.note),
)
"""Times in UTC, durations in seconds, costs in US dollars."""


def csv_table(rows: Sequence[TraceRow]) -> str:
    """The rows as one CSV, with the tags that they have."""
    return b"".join(csv_parts([rows], _tags(rows))).decode()


def parquet_table(rows: Sequence[TraceRow]) -> bytes:
    """The rows as one Parquet file, with the tags that they have. Raises as `write_parquet`."""
    out = io.BytesIO()
    write_parquet(out, [rows], _tags(rows))
    return out.getvalue()


def csv_parts(parts: Iterable[Sequence[TraceRow]], tags: Sequence[str]) -> Iterator[bytes]:
    """CSV in UTF-8, a line of titles first. No text in it is a formula to a spreadsheet."""
    columns = _columns(tags)
    yield _lines([[column.title for column in columns]])
    for rows in parts:
        yield _lines([column.of(row) for column in columns] for row in rows)


def write_parquet(
    target: BinaryIO, parts: Iterable[Sequence[TraceRow]], tags: Sequence[str]
) -> None:
    """Write a Parquet file, a row group a part. Raises UsageError where pyarrow is missing."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow; install it with `pip install pyarrow`.") from None
    columns = _columns(tags)
    types = {_MOMENT: pyarrow.timestamp("us", tz="UTC")}
    schema = pyarrow.schema(
        [(one.title, types.get(one.type) or pyarrow.type_for_alias(one.type)) for one in columns]
    )
    with parquet.ParquetWriter(target, schema) as writer:
        for rows in parts:
            values = [[column.of(row) for row in rows] for column in columns]
            writer.write_table(pyarrow.table(values, schema=schema))


def _columns(tags: Sequence[str]) -> tuple[_Column, ...]:
    return _COLUMNS + tuple(_Column(f"tag.{key}", "string", partial(_tag, key)) for key in tags)


def _tag(key: str, row: TraceRow) -> str | None:
    return row.tags.get(key)


def _tags(rows: Sequence[TraceRow]) -> list[str]:
    return sorted({key for row in rows for key in row.tags})


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9


def _lines(lines: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_harmless(value) for value in line] for line in lines)
    return out.getvalue().encode("utf-8", "replace")


def _harmless(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value
