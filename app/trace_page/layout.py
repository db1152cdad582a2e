"""The rows of a trace as they are drawn, read once and kept for all clicks on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import streamlit as st

from clustertrace.app import connection
from clustertrace.app.trace_page.span_rows import SpanRow, span_rows
from clustertrace.model import Span
from clustertrace.patterns.signature import in_order, root_of
from clustertrace.store import queries
from clustertrace.telling.words import counted
from clustertrace.understanding.folding import visible
from clustertrace.understanding.gaps import gaps

__all__ = ["Layout", "layout"]

_ROWS: Final = 1_000
_KEPT: Final = 4
_KEPT_SECONDS: Final = 600
"""Traces in memory, and for how long; a hundred thousand steps take a few seconds to read."""


class Layout(NamedTuple):
    """The spans of a trace, and the rows that are drawn of them."""

    spans: Sequence[Span]
    rows: list[SpanRow]
    left_out: int
    """How many rows are too many to draw."""
    notes: list[str]
    """What is not drawn, and what was not recorded."""


class _Steps(NamedTuple):
    spans: Sequence[Span]
    shown: Sequence[Span]
    notes: list[str]


def layout(trace_id: str, span_id: str = "") -> Layout:
    """The layout of a trace, read again only if spans were added, changed or deleted.

    The span with the id `span_id` always has a row, however many rows are left out.
    """
    with connection.read() as conn:
        state = queries.spans_state(conn, trace_id)
    return _layout(connection.place(), trace_id, state, span_id)


@st.cache_resource(show_spinner=False, max_entries=_KEPT, ttl=_KEPT_SECONDS)
def _layout(place: str, trace_id: str, state: tuple[int, int], wanted: str) -> Layout:
    # Cached apart from the reading, so that another span in the address does not read again.
    spans, shown, notes = _read_steps(place, trace_id, state)
    return Layout(spans, *span_rows(shown, _ROWS, wanted), notes)


@st.cache_resource(
    show_spinner="Reading the steps…", show_time=True, max_entries=_KEPT, ttl=_KEPT_SECONDS
)
def _read_steps(place: str, trace_id: str, state: tuple[int, int]) -> _Steps:
    with connection.read() as conn:
        spans = queries.trace(conn, trace_id).spans
    ordered = in_order(spans)
    shown = tuple(visible(ordered, root_of(ordered)))
    notes = list(gaps(spans))
    if folded := len(spans) - len(shown):
        notes.insert(0, f"{counted(folded, 'internal span')} of the instrumentation not drawn.")
    return _Steps(spans, shown, notes)
