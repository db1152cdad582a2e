"""The head of a trace's page: its state and the reason, its facts, its tags."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final

from clustertrace.app import markup, words
from clustertrace.app.links import pattern_url, session_url, trace_url, traces_url
from clustertrace.filters import condition
from clustertrace.model import REPLAY_OF, Trace
from clustertrace.store.answers import TraceRow
from clustertrace.telling.plain import NO_NAME
from clustertrace.telling.words import called_models, secrets_cut, shortened

__all__ = ["head"]

_NAME_SHOWN: Final = 120
_ERROR_SHOWN: Final = 400
"""All of an error stands with the step that it is of."""


def head(trace: Trace, row: TraceRow, now_ns: int, zone: tzinfo) -> markup.Markup:
    """Everything above the chart; `zone` is the browser's time zone."""
    return markup.join([_headline(row), _why(trace, row), _facts(row, now_ns, zone), _tags(trace)])


def _headline(row: TraceRow) -> markup.Markup:
    state = markup.state(words.state(row.outcome, row.status))
    name = row.name or NO_NAME
    short = shortened(name, _NAME_SHOWN)
    title = None if short == name else name
    return markup.tag("h1", short, " ", state, cls="ct-headline", title=title)


def _why(trace: Trace, row: TraceRow) -> markup.Markup:
    """What the state rests on, with the user's reason or the error if there is one."""
    parts: list[object] = []
    if original_id := trace.tags.get(REPLAY_OF):
        parts = [
            "A replay of ",
            markup.link(original_id[:6], trace_url(original_id)),
            ", so no figure counts it. ",
        ]
    parts.append(words.state(row.outcome, row.status).reason)
    if trace.outcome_reason:
        parts += [" Reason: ", markup.tag("b", trace.outcome_reason)]
    elif row.error and row.failed:
        parts += [" First error: ", markup.tag("b", shortened(row.error, _ERROR_SHOWN))]
    elif row.error_count:
        parts.append(f" {words.counted(row.error_count, 'step')} ended in an error on the way.")
    if secrets_note := secrets_cut(trace.spans):
        parts.append(f" {secrets_note}")
    return markup.tag("p", *parts, cls="ct-why")


def _facts(row: TraceRow, now_ns: int, zone: tzinfo) -> markup.Markup:
    parts = [
        _took(row, now_ns),
        markup.fact(words.day(row.start_ns, zone), "started"),
        markup.number(row.span_count, "span"),
    ]
    if row.llm_calls:
        parts.append(markup.number(row.llm_calls, "model call"))
    if called_models(row):
        read, written = words.short_count(row.input_tokens), words.short_count(row.output_tokens)
        if row.input_tokens or row.output_tokens:
            parts.append(markup.fact(f"{read} → {written}", "tokens in → out"))
        parts.append(markup.spent(row.cost_usd, row.unpriced_calls))
    if row.variant:
        shown = markup.link(row.variant[:6], pattern_url(row.variant))
        parts.append(markup.fact(shown, "pattern"))
    if row.session_id:
        href = session_url(row.session_id)
        parts.append(markup.fact(row.session_id, "session", href=href))
    parts.append(markup.fact(row.trace_id, "id"))
    return markup.facts(*parts)


def _took(row: TraceRow, now_ns: int) -> markup.Markup:
    if row.status == "running":
        return markup.fact(words.duration(max(0, now_ns - row.start_ns)), "so far")
    known = row.duration_ns is not None
    return markup.fact(words.duration(row.duration_ns) if known else "unknown", "took")


def _tags(trace: Trace) -> markup.Markup:
    tags = (
        markup.link(f"{key}: {value}", traces_url(condition(f"tag.{key}", value)), cls="ct-tag")
        for key, value in trace.tags.items()
    )
    metrics = (
        markup.tag("span", metric.name, " ", markup.tag("b", f"{metric.value:g}"), cls="ct-tag")
        for metric in trace.metrics
        if metric.span_id is None
    )
    return markup.tag("div", *tags, *metrics, cls="ct-tags")
