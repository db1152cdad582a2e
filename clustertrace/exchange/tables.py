"""Traces as a table, one a line, for spreadsheets and data frames: CSV and Parquet.

Rows come in parts, so that a million of them are never in memory at once. Every part has the same
columns: those of a trace, and `tag.<key>` for each of the keys that are named.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO, Final

from clustertrace.exchange.parquet_file import MOMENT, Column, moment, seconds, write_rows
from clustertrace.store.answers import TraceRow

__all__ = ["csv_parts", "csv_table", "parquet_table", "write_parquet"]

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet may take for the beginning of a formula."""

_COLUMNS: Final = (
    Column("trace_id", "string", lambda row: row.trace_id),
    Column("name", "string", lambda row: row.name),
    Column("status", "string", lambda row: row.status),
    Column("outcome", "string", lambda row: row.outcome),
    Column("outcome_reason", "string", lambda row: row.outcome_reason),
    Column("failed", "bool", lambda row: row.failed),
    Column("start", MOMENT, lambda row: moment(row.start_ns)),
    Column("duration_s", "double", lambda row: seconds(row.duration_ns)),
    Column("session_id", "string", lambda row: row.session_id),
    Column("pattern", "string", lambda row: row.variant),
    Column("spans", "int64", lambda row: row.span_count),
    Column("errors", "int64", lambda row: row.error_count),
    Column("llm_calls", "int64", lambda row: row.llm_calls),
    Column("unpriced_calls", "int64", lambda row: row.unpriced_calls),
    Column("input_tokens", "int64", lambda row: row.input_tokens),
    Column("output_tokens", "int64", lambda row: row.output_tokens),
    Column("cost_usd", "double", lambda row: row.cost_usd),
    Column("first_prompt", "string", lambda row: row.first_prompt),
    Column("error", "string", lambda row: row.error),
    Column("starred", "bool", lambda row: row.starred),
    Column("note", "string", lambda row: row.note),
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
    """Write a Parquet file of traces. Raises UsageError where pyarrow is missing."""
    write_rows(target, _columns(tags), parts)


def _columns(tags: Sequence[str]) -> tuple[Column, ...]:
    return _COLUMNS + tuple(Column(f"tag.{key}", "string", partial(_tag, key)) for key in tags)


def _tag(key: str, row: TraceRow) -> str | None:
    return row.tags.get(key)


def _tags(rows: Sequence[TraceRow]) -> list[str]:
    return sorted({key for row in rows for key in row.tags})


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
