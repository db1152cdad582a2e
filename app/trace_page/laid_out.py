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


class _Read(NamedTuple):
    spans: Sequence[Span]
    shown: Sequence[Span]
    notes: list[str]


def laid_out(trace_id: str, wanted: str = "") -> LaidOut:
    """The steps of a trace; read again only when one has come, changed or gone.

    The span with the id `wanted` has a row, however many are left out.
    """
    with connection.read() as conn:
        state = queries.spans_state(conn, trace_id)
    return _laid_out(connection.place(), trace_id, state, wanted)


@st.cache_resource(show_spinner=False, max_entries=_KEPT, ttl=_KEPT_SECONDS)
def _laid_out(place: str, trace_id: str, state: tuple[int, int], wanted: str) -> LaidOut:
    # Kept beside what was read, so that another span in the address costs no second reading.
    spans, shown, notes = _read(place, trace_id, state)
    return LaidOut(spans, *span_rows(shown, _ROWS, wanted), notes)


@st.cache_resource(
    show_spinner="Reading the steps…", show_time=True, max_entries=_KEPT, ttl=_KEPT_SECONDS
)
def _read(place: str, trace_id: str, state: tuple[int, int]) -> _Read:
    with connection.read() as conn:
        spans = queries.trace(conn, trace_id).spans
    ordered = in_order(spans)
    shown = tuple(visible(ordered, root_of(ordered)))
    notes = list(gaps(spans))
    if folded := len(spans) - len(shown):
        notes.insert(0, f"{counted(folded, 'internal span')} of the instrumentation not drawn.")
    return _Read(spans, shown, notes)
