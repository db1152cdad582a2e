"""Traces as a table, one a line, for spreadsheets and data frames: CSV and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from clustertrace.errors import UsageError
from clustertrace.store.answers import TraceRow

__all__ = ["csv_table", "parquet_table"]

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet may take for the beginning of a formula."""


def csv_table(rows: Sequence[TraceRow]) -> str:
    """The rows as CSV, a line of titles first. No text in it is a formula to a spreadsheet."""
    columns = _columns(rows)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_harmless(title) for title in columns])
    for line in zip(*columns.values(), strict=True):
        writer.writerow([_harmless(value) for value in line])
    return out.getvalue()


def parquet_table(rows: Sequence[TraceRow]) -> bytes:
    """The rows as a Parquet file. Raises UsageError where pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow; install it with `pip install pyarrow`.") from None
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(dict(_columns(rows))), out)
    return out.getvalue()


def _columns(rows: Sequence[TraceRow]) -> Mapping[str, list[Any]]:
    """Column by column: times in UTC, durations in seconds, costs in US dollars, tags last."""
    columns: dict[str, list[Any]] = {
        "trace_id": [row.trace_id for row in rows],
        "name": [row.name for row in rows],
        "status": [row.status for row in rows],
        "outcome": [row.outcome for row in rows],
        "failed": [row.failed for row in rows],
        "start": [_moment(row.start_ns) for row in rows],
        "duration_s": [None if row.duration_ns is None else row.duration_ns / 1e9 for row in rows],
        "session_id": [row.session_id for row in rows],
        "pattern": [row.variant for row in rows],
        "spans": [row.span_count for row in rows],
        "errors": [row.error_count for row in rows],
        "llm_calls": [row.llm_calls for row in rows],
        "unpriced_calls": [row.unpriced_calls for row in rows],
        "input_tokens": [row.input_tokens for row in rows],
        "output_tokens": [row.output_tokens for row in rows],
        "cost_usd": [row.cost_usd for row in rows],
        "first_prompt": [row.first_prompt for row in rows],
        "error": [row.error for row in rows],
        "starred": [row.starred for row in rows],
        "note": [row.note for row in rows],
    }
    keys = sorted({key for row in rows for key in row.tags})
    return columns | {f"tag.{key}": [row.tags.get(key) for row in rows] for key in keys}


def _moment(ns: int) -> str:
    """ISO 8601 to the microsecond."""
    seconds, rest = divmod(ns, 10**9)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000).isoformat()


def _harmless(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value
