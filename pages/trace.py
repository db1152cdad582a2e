"""One trace: tree and Gantt on the left, the selected span on the right."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from clustertrace.app import connection, gantt, markup, span_details, theme, words
from clustertrace.app.guard import guarded
from clustertrace.app.links import pattern_url, traces_url, url
from clustertrace.app.span_rows import SpanRow, broken, span_rows
from clustertrace.errors import NotFound
from clustertrace.model import Span, Trace
from clustertrace.store import queries
from clustertrace.store.answers import TraceRow
from clustertrace.words import secrets_cut

__all__ = ["draw"]

_ROWS: Final = 1_000
_LOOK_AGAIN_SECONDS: Final = 2


def draw() -> None:
    """Draw the page of `?id=`, and of `&span=` if one is given."""
    wanted = st.query_params.get("id", "")
    back = markup.tag("div", markup.link("‹ All traces", url(""), cls="ct-muted"))
    try:
        with connection.read() as conn:
            status = queries.trace_row(conn, wanted).status
    except NotFound:
        sentence = "There is no such trace; it may have been deleted, or the link was cut."
        st.html(markup.page(markup.notice(sentence), back))
        return
    st.html(markup.page(back))
    every = _LOOK_AGAIN_SECONDS if status == "running" else None
    st.fragment(guarded(_trace), run_every=every)(wanted)


def _trace(wanted: str) -> None:
    with connection.read() as conn:
        trace = queries.trace(conn, wanted)
        row = queries.trace_row(conn, wanted)
    st.html(markup.page(_headline(row), _why(trace, row), _facts(row), _tags(trace)))
    rows, left_out = span_rows(trace.spans, _ROWS)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chosen = _chart(trace, rows)
        if left_out:
            st.html(
                markup.notice(
                    f"{words.count(left_out)} more rows are not drawn; "
                    f"clustertrace inspect {trace.trace_id} lists them."
                )
            )
    with right, st.container(key="details"):
        span_details.show(chosen, trace)


def _headline(row: TraceRow) -> markup.Markup:
    state = markup.state(words.state(row.outcome, row.status))
    return markup.tag("h1", row.name or "(no name)", " ", state, cls="ct-headline")


def _why(trace: Trace, row: TraceRow) -> markup.Markup:
    """What the state rests on; the user's reason or the error where there is one."""
    parts: list[object] = [words.state(row.outcome, row.status).reason]
    if trace.outcome_reason:
        parts += [" Reason: ", markup.tag("b", trace.outcome_reason)]
    elif row.error and row.failed:
        parts += [" First error: ", markup.tag("b", row.error)]
    elif row.error_count:
        parts.append(f" {words.counted(row.error_count, 'step')} ended in an error on the way.")
    if cut := secrets_cut(trace.spans):
        parts.append(f" {cut}")
    return markup.tag("p", *parts, cls="ct-why")


def _facts(row: TraceRow) -> markup.Markup:
    where = words.zone(st.context.timezone)
    parts = [
        markup.fact(words.duration(row.duration_ns), "took"),
        markup.fact(words.day(row.start_ns, where), "started"),
        markup.fact(words.count(row.span_count), "spans"),
    ]
    if row.llm_calls:
        read, written = words.short_count(row.input_tokens), words.short_count(row.output_tokens)
        parts += [
            markup.fact(words.count(row.llm_calls), "model calls"),
            markup.fact(f"{read} → {written}", "tokens in → out"),
            markup.fact(words.cost(row.cost_usd, row.unpriced_calls), "spent"),
        ]
    if row.variant:
        shown = markup.link(row.variant[:6], pattern_url(row.variant))
        parts.append(markup.fact(shown, "pattern"))
    if row.session_id:
        href = traces_url(session=row.session_id)
        parts.append(markup.fact(row.session_id, "session", href=href))
    parts.append(markup.fact(row.trace_id, "id"))
    return markup.facts(*parts)


def _tags(trace: Trace) -> markup.Markup:
    tags = (
        markup.link(f"{key}: {value}", traces_url(tag=f"{key} = {value}"), cls="ct-tag")
        for key, value in trace.tags.items()
    )
    metrics = (
        markup.tag("span", metric.name, " ", markup.tag("b", f"{metric.value:g}"), cls="ct-tag")
        for metric in trace.metrics
        if metric.span_id is None
    )
    return markup.tag("div", *tags, *metrics, cls="ct-tags")


def _chart(trace: Trace, rows: list[SpanRow]) -> Span:
    """Draw tree and Gantt; the span that is selected."""
    first = _opened(trace, rows)
    dark = st.context.theme.type == "dark"
    picked = st.altair_chart(
        gantt.chart(rows, theme.DARK if dark else theme.LIGHT, time.time_ns(), first),
        key=f"gantt-{trace.trace_id}",
        theme=None,
        on_select="rerun",
        selection_mode=gantt.SELECTION,
        alt="Steps of the trace over time",
    )
    points = picked.selection.get(gantt.SELECTION) or []
    number = points[0].get("row", first) if points else first
    row = rows[number] if number < len(rows) else rows[first]
    if len(row.spans) == 1:
        return row.span
    at = st.pagination(len(row.spans), key=f"equal-{row.span.span_id}")
    return row.spans[at - 1]


def _opened(trace: Trace, rows: list[SpanRow]) -> int:
    """The row that is open at first: the one in the address, else where the trace broke."""
    wanted = st.query_params.get("span") or getattr(broken(trace.spans), "span_id", None)
    for number, row in enumerate(rows):
        if any(span.span_id == wanted for span in row.spans):
            return number
    return 0
