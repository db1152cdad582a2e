"""Render traces as one self-contained HTML document, without scripts or requests.

Folding is the browser's own (`<details>`), bars are SVG with plain numbers, so that the policy in
the head can forbid everything except this one style sheet. Pure functions.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from clustertrace.model import Span, Trace, TraceFacts
from clustertrace.snapshot.payload import payload
from clustertrace.store.answers import Cluster
from clustertrace.summary import Summary, summarise
from clustertrace.telling.markup import Markup, join, tag
from clustertrace.telling.plain import NO_NAME
from clustertrace.telling.results import ending
from clustertrace.telling.words import (
    about_duration,
    called_models,
    count,
    counted,
    duration,
    error_words,
    is_cost_unknown,
    moment,
    money,
    secrets_words,
    share,
    spent,
    step_text,
    token_counts,
    tokens_words,
)
from clustertrace.understanding.gaps import gaps
from clustertrace.understanding.tree import rows_of

__all__ = ["SPANS_SHOWN", "pattern_document", "trace_document"]

SPANS_SHOWN: Final = 2_000
"""The most spans shown of a trace: browsers are slow beyond that, and nobody reads them."""

_GUIDE_WIDTH: Final = 3
_MAX_DEPTH: Final = 8
_BAR_WIDTH: Final = 1_000


def trace_document(trace: Trace, *, secrets_cut: int = 0) -> str:
    """A trace as a document."""
    return _document(f"{trace.name} {trace.trace_id[:8]}", _trace(trace, "h1"), secrets_cut)


def _cost_words(cluster: Cluster) -> str:
    cost = spent(cluster.cost_usd, cluster.unpriced_calls)
    is_unknown = is_cost_unknown(cluster.cost_usd, cluster.unpriced_calls)
    return cost if is_unknown else f"{cost} spent"


def pattern_document(cluster: Cluster, traces: Sequence[Trace], *, secrets_cut: int = 0) -> str:
    """A pattern and some of its traces as a document."""
    interval = cluster.interval
    failed = f"{count(cluster.failed)} of {counted(cluster.count, 'run')} failed"
    facts = (
        f"failure rate {share(round(cluster.failure_rate, 3))}"
        f" (95 % interval {share(round(interval.low, 3))} to {share(round(interval.high, 3))})",
        f"typically {about_duration(cluster.p50_ns)}, "
        f"at the slow end {about_duration(cluster.p95_ns)}",
        _cost_words(cluster),
        f"pattern {cluster.id}",
    )
    steps = [
        tag("li", step_text(step), cls="failed" if any(step.failed) else "")
        for step in cluster.steps
    ]
    body = join(
        [
            tag("h1", f"{cluster.name}: {failed}"),
            tag("div", *(tag("span", fact) for fact in facts), cls="facts"),
            tag("ol", *steps, cls="chips") if steps else tag("p", "No steps.", cls="muted"),
            tag("p", f"{counted(len(traces), 'run')} of it, the newest first.", cls="muted"),
            *(_trace(trace, "h2") for trace in traces),
        ]
    )
    return _document(f"{cluster.name} {cluster.id}", body, secrets_cut)


def _document(title: str, body: Markup, secrets: int) -> str:
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    cut_note = f" {secrets_words(secrets)} when it was written." if secrets else ""
    head = tag(
        "head",
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        Markup('<meta name="referrer" content="no-referrer">'),
        Markup('<meta name="viewport" content="width=device-width">'),
        tag("title", title),
        tag("style", Markup(style)),
    )
    footer = tag("footer", f"A snapshot by clustertrace; it loads nothing.{cut_note}")
    return f"<!doctype html>\n{tag('html', head, tag('body', body, footer), lang='en')}\n"


@cache
def _style() -> str:
    return files("clustertrace.snapshot").joinpath("style.css").read_text("utf-8")


def _trace(trace: Trace, heading: str) -> Markup:
    told = TraceFacts(
        trace.trace_id, status=trace.status, start_ns=trace.start_ns, end_ns=trace.end_ns
    )
    summary = summarise(trace.spans, told)
    rows = rows_of(trace.spans)
    open_id = next((row.span.span_id for row in reversed(rows) if row.span.status == "error"), None)
    left_out = len(rows) - SPANS_SHOWN
    return join(
        [
            tag(heading, trace.name or NO_NAME, " ", _state(trace)),
            tag("p", trace.outcome_reason) if trace.outcome_reason else "",
            tag("div", *(tag("span", fact) for fact in _facts(trace, summary)), cls="facts"),
            *(tag("p", sentence, cls="muted") for sentence in gaps(trace.spans)),
            tag("p", "Open a step to see what went in and what came out.", cls="muted"),
            tag(
                "div",
                _head(),
                *(
                    _row(
                        row.span,
                        len(row.guide) // _GUIDE_WIDTH,
                        summary,
                        opened=row.span.span_id == open_id,
                    )
                    for row in rows[:SPANS_SHOWN]
                ),
                cls="tree",
            ),
            tag("p", f"{counted(left_out, 'more span')} left out.", cls="muted")
            if left_out > 0
            else "",
        ]
    )


def _state(trace: Trace) -> Markup:
    tone = "failed" if trace.failed else "muted"
    return tag("small", ending(trace.outcome, trace.status), cls=tone)


def _facts(trace: Trace, summary: Summary) -> list[str]:
    facts = [
        f"took {duration(summary.duration_ns)}",
        f"started {moment(trace.start_ns)}",
        counted(summary.span_count, "span"),
    ]
    if summary.llm_calls:
        facts.append(counted(summary.llm_calls, "model call"))
    if called_models(summary):
        if tokens := tokens_words(summary):
            facts.append(tokens)
        facts.append(spent(summary.cost_usd, summary.unpriced_calls))
    facts += [f"{key}: {value}" for key, value in trace.tags.items()]
    facts += [
        f"{metric.name} {metric.value:g}" for metric in trace.metrics if metric.span_id is None
    ]
    return [*facts, f"pattern {summary.variant.id}", f"id {trace.trace_id}"]


def _head() -> Markup:
    return tag(
        "div",
        *(tag("span", title) for title in ("Step", "When")),
        *(tag("span", title, cls="right") for title in ("Took", "Tokens", "Cost")),
        cls="head",
    )


def _row(span: Span, depth: int, trace_summary: Summary, *, opened: bool) -> Markup:
    failed = span.status == "error"
    name = tag("span", span.name or NO_NAME, " !" if failed else "", cls="failed" if failed else "")
    summary = tag(
        "summary",
        tag(
            "span", name, tag("span", span.kind, cls="kind"), cls=f"name d{min(depth, _MAX_DEPTH)}"
        ),
        _bar(span, trace_summary),
        tag("span", duration(span.duration_ns), cls="right"),
        tag("span", token_counts(span), cls="right"),
        tag("span", "" if span.cost_usd is None else money(span.cost_usd), cls="right"),
    )
    return tag("details", summary, _details(span), open="" if opened else None)


def _bar(span: Span, summary: Summary) -> Markup:
    extent = max(1, summary.duration_ns or 1)
    first = min(_BAR_WIDTH, max(0, (span.start_ns - summary.start_ns) * _BAR_WIDTH // extent))
    end = span.end_ns if span.end_ns is not None else summary.start_ns + extent
    last = min(_BAR_WIDTH, max(first, (end - summary.start_ns) * _BAR_WIDTH // extent))
    rect = tag(
        "rect",
        x=min(first, _BAR_WIDTH - 4),
        y=2,
        width=max(4, last - first),
        height=6,
        cls="failed" if span.status == "error" else "",
    )
    return tag(
        "svg", rect, viewBox=f"0 0 {_BAR_WIDTH} 10", preserveAspectRatio="none", aria_hidden="true"
    )


def _details(span: Span) -> Markup:
    parts: list[Markup] = []
    if error_text := error_words(span):
        parts += [tag("div", "Error", cls="label"), tag("pre", error_text, cls="failed")]
    for title, value in (("Input", span.input), ("Output", span.output)):
        if value is not None:
            parts += [tag("div", title, cls="label"), payload(value)]
    fields = {"model": span.model, "finish reason": span.finish_reason, **span.attributes}
    known = {key: value for key, value in fields.items() if value is not None}
    if known:
        parts += [tag("div", "Attributes", cls="label"), payload(known)]
    parts.append(tag("p", f"span {span.span_id}", cls="muted"))
    return tag("div", *parts, cls="span")
