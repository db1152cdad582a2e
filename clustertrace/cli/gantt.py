"""A trace in a terminal: its tree on the left, and beside each step when it ran."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clustertrace.cli.output import name_in_line
from clustertrace.model import Span, Trace
from clustertrace.telling.words import duration, money, token_counts
from clustertrace.understanding.tree import Row, rows_of

__all__ = ["bar", "gantt"]

ROWS_SHOWN: Final = 1_000
_MIN_WIDTH: Final = 10
_MAX_WIDTH: Final = 60
_MAX_NAME_WIDTH: Final = 60
_ID_WIDTH: Final = 8
_GAP: Final = 2
_WIDE_FROM: Final = 90
"""Columns of a terminal that has room for tokens and cost."""

_STYLES: Final = {"error": "red", "running": "yellow", "incomplete": "yellow"}
_MARKS: Final = {"error": " !", "running": " …", "incomplete": " ?"}


def gantt(trace: Trace, console: Console) -> Table:
    """One row a span: step, id, bar, duration, tokens, cost; the last two where there is room."""
    rows = rows_of(trace.spans)[:ROWS_SHOWN]
    is_wide = console.width >= _WIDE_FROM
    facts = [_fact_cells(row.span)[: None if is_wide else 1] for row in rows]
    headings = ("Took", "Tokens", "Cost")[: len(facts[0])]
    columns = [max(map(len, column)) for column in zip(headings, *facts, strict=True)]
    other_columns = _ID_WIDTH + sum(columns) + _GAP * (len(columns) + 2)
    longest_name = max(cell_len(row.guide + name_in_line(row.span.name)) + 2 for row in rows)
    name_width = max(
        _MIN_WIDTH, min(longest_name, console.width - other_columns - _MIN_WIDTH, _MAX_NAME_WIDTH)
    )
    width = max(_MIN_WIDTH, min(_MAX_WIDTH, console.width - other_columns - name_width))
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="dim")
    table.add_column("Step", no_wrap=True, overflow="ellipsis", width=name_width)
    table.add_column("Span", no_wrap=True, style="dim", width=_ID_WIDTH)
    table.add_column("", no_wrap=True, width=width)
    for heading, size in zip(headings, columns, strict=True):
        table.add_column(heading, no_wrap=True, justify="right", width=size)
    start, end = _extent(trace)
    for row, cells in zip(rows, facts, strict=True):
        first, bar_length = bar(row.span, start, end, width)
        bar_text = Text(" " * first + "━" * bar_length, style=_STYLES.get(row.span.status, "cyan"))
        table.add_row(_step_cell(row), row.span.span_id[:_ID_WIDTH], bar_text, *cells)
    return table


def bar(span: Span, start_ns: int, end_ns: int, width: int) -> tuple[int, int]:
    """Where a span's bar begins, and how many cells it has: at least one, all within `width`."""
    extent = max(1, end_ns - start_ns)
    last = end_ns if span.end_ns is None else max(span.end_ns, span.start_ns)
    first = min(width - 1, max(0, (span.start_ns - start_ns) * width // extent))
    # Rounded up: what is begun is drawn.
    after = min(width, max(first + 1, -(-(last - start_ns) * width // extent)))
    return first, after - first


def _extent(trace: Trace) -> tuple[int, int]:
    ends = [span.end_ns if span.end_ns is not None else span.start_ns for span in trace.spans]
    return min(span.start_ns for span in trace.spans), max(ends)


def _step_cell(row: Row) -> Text:
    status = row.span.status
    text = Text(row.guide, style="dim")
    text.append(name_in_line(row.span.name), style=f"not dim {_STYLES.get(status, '')}")
    text.append(_MARKS.get(status, ""), style="not dim red")
    return text


def _fact_cells(span: Span) -> tuple[str, str, str]:
    """Duration, tokens read and written, cost."""
    cost = "" if span.cost_usd is None else money(span.cost_usd)
    return duration(span.duration_ns), token_counts(span), cost
