"""A trace in a terminal: its tree on the left, and beside each step when it ran."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clustertrace.cli.output import plain
from clustertrace.cli.tree import Row, rows_of
from clustertrace.cli.words import count, duration, money
from clustertrace.model import Span, Trace

__all__ = ["bar", "gantt"]

ROWS_SHOWN: Final = 1_000
_NARROWEST: Final = 10
_WIDEST: Final = 60
_BESIDE: Final = 44
"""Columns that id, duration, tokens and cost take together."""

_STYLES: Final = {"error": "red", "running": "yellow", "incomplete": "yellow"}
_MARKS: Final = {"error": " !", "running": " …", "incomplete": " ?"}


def gantt(trace: Trace, console: Console) -> Table:
    """One row a span: step, id, bar, duration, tokens, cost."""
    rows = rows_of(trace.spans)[:ROWS_SHOWN]
    names = min(max(len(row.guide) + len(row.span.name) + 2 for row in rows), console.width // 2)
    width = max(_NARROWEST, min(_WIDEST, console.width - names - _BESIDE))
    start, end = _extent(trace)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Step", no_wrap=True, overflow="ellipsis", max_width=names)
    table.add_column("Span", no_wrap=True, style="dim")
    table.add_column("", no_wrap=True, width=width)
    for heading in ("Took", "Tokens", "Cost"):
        table.add_column(heading, no_wrap=True, justify="right")
    for row in rows:
        span = row.span
        first, cells = bar(span, start, end, width)
        table.add_row(
            _step(row),
            span.span_id[:8],
            Text(" " * first + "━" * cells, style=_STYLES.get(span.status, "cyan")),
            duration(None if span.end_ns is None else max(0, span.end_ns - span.start_ns)),
            _tokens(span),
            "" if span.cost_usd is None else money(span.cost_usd),
        )
    return table


def bar(span: Span, start_ns: int, end_ns: int, width: int) -> tuple[int, int]:
    """Where a span's bar begins, and how many cells it has: at least one, all within `width`."""
    extent = max(1, end_ns - start_ns)
    last = end_ns if span.end_ns is None else max(span.end_ns, span.start_ns)
    first = min(width - 1, max(0, (span.start_ns - start_ns) * width // extent))
    after = min(width, max(first + 1, -(-(last - start_ns) * width // extent)))
    return first, after - first


def _extent(trace: Trace) -> tuple[int, int]:
    ends = [span.end_ns if span.end_ns is not None else span.start_ns for span in trace.spans]
    return min(span.start_ns for span in trace.spans), max(ends)


def _step(row: Row) -> Text:
    span = row.span
    text = Text(row.guide, style="dim")
    name = plain(" ".join(span.name.split())) or "(no name)"
    text.append(name, style=f"not dim {_STYLES.get(span.status, '')}")
    text.append(_MARKS.get(span.status, ""), style="not dim red")
    return text


def _tokens(span: Span) -> str:
    if span.input_tokens is None and span.output_tokens is None:
        return ""
    return f"{count(span.input_tokens or 0)} → {count(span.output_tokens or 0)}"
