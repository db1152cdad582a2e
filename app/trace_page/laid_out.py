"""The steps of a trace as they are drawn, read once for all clicks on them."""

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

__all__ = ["LaidOut", "laid_out"]

_ROWS: Final = 1_000
_KEPT: Final = 4
_KEPT_SECONDS: Final = 600
"""Traces in memory, and for how long; a hundred thousand steps take a few seconds to read."""


class LaidOut(NamedTuple):
    """The spans of a trace, and what of them is drawn."""

    spans: Sequence[Span]
    rows: list[SpanRow]
    left_out: int
    """Rows that are too many to draw."""
    notes: list[str]
    """What is not drawn, and what the record itself lacks."""


def laid_out(trace_id: str) -> LaidOut:
    """The steps of a trace; read again only when one has come, changed or gone."""
    with connection.read() as conn:
        state = queries.spans_state(conn, trace_id)
    return _read(connection.place(), trace_id, state)


@st.cache_resource(
    show_spinner="Reading the steps…", show_time=True, max_entries=_KEPT, ttl=_KEPT_SECONDS
)
def _read(place: str, trace_id: str, state: tuple[int, int]) -> LaidOut:
    with connection.read() as conn:
        spans = queries.trace(conn, trace_id).spans
    ordered = in_order(spans)
    shown = visible(ordered, root_of(ordered))
    rows, left_out = span_rows(tuple(shown), _ROWS)
    notes = list(gaps(spans))
    if folded := len(spans) - len(shown):
        notes.insert(0, f"{counted(folded, 'internal span')} of the instrumentation not drawn.")
    return LaidOut(spans, rows, left_out, notes)
