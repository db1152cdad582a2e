"""The details of a span: its error first, then input and output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import streamlit as st

from clustertrace.app import markup, payload, words
from clustertrace.app.links import trace_url
from clustertrace.app.trace_page import stream_chart
from clustertrace.model import MODEL_KINDS, Span, Trace
from clustertrace.payloads.conversation import text
from clustertrace.pricing import tokens_known
from clustertrace.telling.plain import NO_NAME
from clustertrace.understanding.reports import is_unpriced

__all__ = ["show"]

_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
_CHUNK_COUNT: Final = "clustertrace.stream.chunk_count"
_STACK: Final = "exception.stacktrace"
_STATUS_WORDS: Final = {
    "ok": "○ ended without an error",
    "error": "✕ ended in an error",
    "running": "… has not ended yet",
    "incomplete": "? never ended: its process is gone",
}
_TONES: Final = {"error": "failed", "running": "uncertain", "incomplete": "uncertain"}


def show(span: Span, trace: Trace) -> None:
    """Draw the details of a span of a trace."""
    tone = _TONES.get(span.status, "plain")
    st.html(
        markup.page(
            markup.tag("h3", markup.icon(span.kind), " ", span.name or NO_NAME, cls="ct-span-name"),
            markup.tag(
                "div",
                markup.muted(span.kind, " · "),
                markup.tag("span", _STATUS_WORDS[span.status], cls=f"ct-state ct-{tone}"),
            ),
            _error(span),
            _pairs(dict(_numbers(span, trace))),
        )
    )
    stream_chart.draw(span)
    for title, value in (("Input", span.input), ("Output", span.output)):
        if value is not None:
            st.html(markup.page(markup.tag("h4", title)))
            payload.show(value, arguments=span.kind == "tool" and title == "Input")
    if span.input is None and span.output is None:
        st.html(markup.page(markup.muted("No input or output was recorded.")))
    attributes = {key: value for key, value in span.attributes.items() if key != _STACK}
    if attributes:
        with st.expander(words.counted(len(attributes), "attribute")):
            st.html(markup.page(_pairs(attributes)))


def _error(span: Span) -> markup.Markup:
    stack = span.attributes.get(_STACK)
    if not (span.error_type or span.error_message or stack):
        return markup.Markup()
    return markup.tag(
        "div",
        markup.tag("b", span.error_type or "Error"),
        markup.text_block(span.error_message or "The error came without a message."),
        markup.tag("pre", stack, cls="ct-stack") if stack else "",
        cls="ct-error",
    )


def _numbers(span: Span, trace: Trace) -> Iterator[tuple[str, object]]:
    yield "took", words.duration(span.duration_ns)
    offset_ns = span.start_ns - trace.start_ns
    yield (
        "started",
        f"{words.duration(offset_ns)} into the run" if offset_ns > 0 else "at the start",
    )
    if span.model:
        yield "model", f"{span.model} ({span.provider})" if span.provider else span.model
    if span.input_tokens is not None:
        yield "tokens in", f"{span.input_tokens:,}{_cached(span)}"
    if span.output_tokens is not None:
        reasoning = span.reasoning_tokens
        yield (
            "tokens out",
            f"{span.output_tokens:,}" + (f", {reasoning:,} thinking" if reasoning else ""),
        )
    if span.cost_usd is not None:
        yield "cost", words.money(span.cost_usd)
    elif span.kind in MODEL_KINDS and span.status != "running" and is_unpriced(span):
        known = tokens_known(span)
        reason = "no price is known for this model" if known else "not all of its tokens are known"
        yield "cost", f"unpriced: {reason}"
    yield from _stream(span)
    if span.finish_reason:
        yield "finish reason", span.finish_reason
    for metric in trace.metrics:
        if metric.span_id == span.span_id:
            yield metric.name, f"{metric.value:g}"
    yield "span id", markup.link(span.span_id, trace_url(trace.trace_id, span.span_id))


def _stream(span: Span) -> Iterator[tuple[str, object]]:
    """When a streamed answer's first chunk came, and how many chunks there were."""
    first_chunk_s = span.attributes.get(_FIRST_CHUNK)
    if isinstance(first_chunk_s, int | float) and not isinstance(first_chunk_s, bool):
        yield "first token", f"after {words.duration(round(first_chunk_s * 1e9))}"
    chunks = span.attributes.get(_CHUNK_COUNT)
    if isinstance(chunks, int):
        yield "chunks", words.count(chunks)


def _cached(span: Span) -> str:
    parts = [
        f"{tokens:,} {direction} cache"
        for tokens, direction in (
            (span.cache_read_tokens, "from"),
            (span.cache_write_tokens, "written to"),
        )
        if tokens
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _pairs(pairs: Mapping[str, Any]) -> markup.Markup:
    cells = (
        cell
        for name, value in pairs.items()
        for cell in (
            markup.tag("dt", name),
            markup.tag("dd", value if isinstance(value, str) else text(value)),
        )
    )
    return markup.tag("dl", *cells, cls="ct-pairs")
