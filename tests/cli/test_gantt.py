"""The tree and the bars of a trace, whatever its spans look like."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from clustertrace.cli.gantt import bar, gantt
from clustertrace.model import Span, Trace
from clustertrace.understanding.tree import rows_of

ID = "1" * 32


def span(number: int, parent: int | None, start: int = 0, end: int | None = 1) -> Span:
    """A span that only has what a tree is made of."""
    above = None if parent is None else f"{parent:016x}"
    return Span(ID, f"{number:016x}", above, f"s{number}", "chain", "ok", start, end)


def drawn(spans: list[Span]) -> list[str]:
    """The rows as guides and names."""
    return [row.guide + row.span.name for row in rows_of(spans)]


def test_children_stand_below_their_parent() -> None:
    """Depth first, in the order of the spans, with lines that show who belongs to whom."""
    spans = [span(1, None), span(2, 1), span(3, 1), span(4, 2), span(5, 3)]
    assert drawn(spans) == ["s1", "├─ s2", "│  └─ s4", "└─ s3", "   └─ s5"]


def test_a_missing_parent_makes_a_root() -> None:
    """A span whose parent never arrived is shown all the same."""
    assert drawn([span(1, 9), span(2, None)]) == ["s1", "s2"]


def test_circles_are_cut() -> None:
    """Spans that are each other's parents are shown once each."""
    assert drawn([span(1, 2), span(2, 1), span(3, 3)]) == ["s1", "└─ s2", "s3"]


def test_a_deep_tree_is_no_problem() -> None:
    """An agent may call itself ten thousand times."""
    deep = [span(n, n - 1 if n > 1 else None) for n in range(1, 10_001)]
    assert len(rows_of(deep)) == 10_000


parents = st.lists(st.none() | st.integers(1, 12), min_size=1, max_size=12)


@given(parents)
def test_every_span_is_shown_once(above: list[int | None]) -> None:
    """Whatever the parents say, no span is lost or doubled."""
    spans = [span(number, parent) for number, parent in enumerate(above, 1)]
    assert sorted(row.span.span_id for row in rows_of(spans)) == sorted(s.span_id for s in spans)


@given(st.integers(0, 2**63), st.none() | st.integers(0, 2**63), st.integers(10, 60))
def test_a_bar_stays_in_its_column(start: int, end: int | None, width: int) -> None:
    """At least one cell, none outside, also where an end precedes its start."""
    first, cells = bar(span(1, None, start, end), 0, 2**62, width)
    assert 0 <= first < width
    assert 1 <= cells <= width - first


def test_bars_show_when() -> None:
    """A span of the second half takes the second half of the column."""
    assert bar(span(1, None, 0, 100), 0, 100, 40) == (0, 40)
    assert bar(span(1, None, 50, 100), 0, 100, 40) == (20, 20)
    assert bar(span(1, None, 50, None), 0, 100, 40) == (20, 20)
    assert bar(span(1, None, 100, 100), 0, 100, 40) == (39, 1)


@pytest.mark.parametrize("columns", [30, 60, 80, 120, 300])
def test_any_terminal_has_room(columns: int) -> None:
    """From a narrow pane to a wall screen, no row is wider than the terminal or left out."""
    spans = [span(1, None, 0, 10**9), span(2, 1, 5, 10**8)]
    spans[1] = spans[1]._replace(name="工具 " * 40, input_tokens=10**7, cost_usd=1234.5)
    trace = Trace(ID, "s1", "ok", None, None, 0, 1, None, {}, (), tuple(spans))
    console = Console(file=io.StringIO(), width=columns)
    console.print(gantt(trace, console))
    assert isinstance(console.file, io.StringIO)
    rows = console.file.getvalue().splitlines()
    assert len(rows) == 3
    assert ("$1,234.50" in rows[2]) == (columns >= 90)
