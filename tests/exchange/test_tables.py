"""Traces as a table: every column, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pyarrow.parquet
import pytest

from clustertrace.exchange.tables import csv_table, parquet_table
from clustertrace.store.answers import TraceRow

ROW = TraceRow(
    trace_id="a" * 32,
    name="agent",
    status="ok",
    outcome=None,
    failed=False,
    start_ns=1_700_000_000_123_456_789,
    duration_ns=1_500_000_000,
    session_id=None,
    variant="0123456789ab",
    span_count=3,
    error_count=0,
    llm_calls=1,
    unpriced_calls=0,
    input_tokens=10,
    output_tokens=2,
    cost_usd=-0.5,
    first_prompt='say "hi",\nplease',
    error=None,
    tags={"tier": "gold"},
)


def read(text: str) -> list[dict[str, str]]:
    """Read CSV as a spreadsheet would."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_line_a_trace_and_a_column_a_tag() -> None:
    """Times are UTC, durations seconds; numbers stay numbers, what is missing is empty."""
    [line] = read(csv_table([ROW]))
    assert line["start"] == "2023-11-14T22:13:20.123456+00:00"
    assert (line["duration_s"], line["cost_usd"], line["outcome"]) == ("1.5", "-0.5", "")
    assert line["first_prompt"] == 'say "hi",\nplease'
    assert line["tag.tier"] == "gold"


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_is_a_formula(formula: str) -> None:
    """Whoever writes into a prompt or a tag writes into no spreadsheet's cell."""
    row = replace(ROW, first_prompt=formula, tags={formula: formula})
    text = csv_table([row])
    [line] = read(text)
    assert line["first_prompt"] == f"'{formula}"
    assert line[f"tag.{formula}"] == f"'{formula}"


def test_parquet_has_the_same_columns_with_types() -> None:
    """A data frame reads numbers as numbers; traces without a tag have a null there."""
    table = pyarrow.parquet.read_table(
        io.BytesIO(parquet_table([ROW, replace(ROW, tags={"other": "x"})]))
    )
    [titles] = csv.reader(
        [csv_table([replace(ROW, tags={"other": "", "tier": ""})]).splitlines()[0]]
    )
    assert table.column_names == titles
    assert table["cost_usd"].to_pylist() == [-0.5, -0.5]
    assert table["tag.tier"].to_pylist() == ["gold", None]


def test_nothing_is_a_table_too() -> None:
    """No trace at all leaves the titles."""
    assert csv_table([]).startswith("trace_id,name,status")
    assert pyarrow.parquet.read_table(io.BytesIO(parquet_table([]))).num_rows == 0
