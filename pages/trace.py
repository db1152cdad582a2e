"""One trace: tree and Gantt on the left, the selected span on the right."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, theme, words
from clustertrace.app.guard import guarded
from clustertrace.app.links import url
from clustertrace.app.trace_page import gantt, span_details, trace_actions, trace_head
from clustertrace.app.trace_page.layout import layout
from clustertrace.app.trace_page.span_rows import SpanRow, broken
from clustertrace.errors import Ambiguous, NotFound
from clustertrace.model import Span, Trace
from clustertrace.patterns.suspects import Suspect
from clustertrace.store import queries

__all__ = ["draw"]

_REFRESH_SECONDS: Final = 2


def draw() -> None:
    """Draw the page of `?id=`, and of `&span=` if one is given."""
    trace_id = st.query_params.get("id", "")
    back = markup.tag("div", markup.link("‹ All traces", url(""), cls="ct-muted"))
    try:
        with connection.read() as conn:
            status = queries.trace_row(conn, trace_id).status
    except NotFound as error:
        sentence = "There is no such trace; it may have been deleted, or the link was cut."
        if isinstance(error, Ambiguous):
            sentence = str(error)
        st.html(markup.page(markup.notice(sentence), back))
        return
    st.html(markup.page(back))
    refresh_seconds = _REFRESH_SECONDS if status == "running" else None
    st.fragment(guarded(_trace), run_every=refresh_seconds)(trace_id)


def _trace(trace_id: str) -> None:
    with connection.read() as conn:
        row = queries.trace_row(conn, trace_id)
    steps = layout(row.trace_id, st.query_params.get("span", ""))
    with connection.read() as conn:
        trace = queries.trace(conn, row.trace_id, steps.spans)
        suspects = queries.suspects_of(conn, trace)
    st.html(
        markup.page(trace_head.head(trace, row, time.time_ns(), words.zone(st.context.timezone)))
    )
    trace_actions.draw(trace, row)
    if suspects:
        st.html(markup.page(trace_actions.suspects(trace, suspects)))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chosen = _chart(trace, steps.rows, _initial_row(trace, steps.rows, suspects))
        if steps.left_out:
            st.html(
                markup.notice(
                    f"{words.count(steps.left_out)} more rows are not drawn; "
                    f"clustertrace inspect {trace.trace_id} --json has them all."
                )
            )
        for note in steps.notes:
            st.html(markup.page(markup.muted(note)))
    with right, st.container(key="details"):
        span_details.show(_selected_span(chosen), trace)


def _chart(trace: Trace, rows: list[SpanRow], first: int) -> SpanRow:
    """Draw tree and Gantt; returns the selected row, row `first` until another is picked."""
    colours = theme.palette(st.context.theme.type)
    picked = st.vega_lite_chart(
        spec=gantt.chart(rows, colours, time.time_ns(), first),
        key=f"gantt-{trace.trace_id}",
        theme=None,
        on_select="rerun",
        selection_mode=gantt.SELECTION,
        alt="Steps of the trace over time",
    )
    points = picked.selection.get(gantt.SELECTION) or []
    number = points[0].get("row", first) if points else first
    return rows[number] if number < len(rows) else rows[first]


def _selected_span(row: SpanRow) -> Span:
    """The span of a row; if several are folded into it, the one that the user pages to."""
    if len(row.spans) == 1:
        return row.span
    st.html(markup.page(markup.muted(f"{words.count(len(row.spans))} equal steps in a row:")))
    return row.spans[st.pagination(len(row.spans), key=f"equal {row.span.span_id}") - 1]


def _initial_row(trace: Trace, rows: list[SpanRow], suspects: Sequence[Suspect]) -> int:
    """The row that is open at first: that of the address, else where the trace broke.

    If no step broke and the run still failed, it is the most suspicious one.
    """
    broken_step = broken(trace.spans) or next(iter(suspects), None)
    span_id = st.query_params.get("span") or (broken_step and broken_step.span_id)
    for number, row in enumerate(rows):
        if any(span.span_id == span_id for span in row.spans):
            return number
    return 0
