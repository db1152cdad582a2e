"""A session on screen: its turns in order with their cost, and its cache misses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.app.links import trace_url, traces_url
from clustertrace.filters import condition
from clustertrace.store.queries.conversing import Session, SessionRow, Turn
from clustertrace.telling.plain import NO_NAME
from clustertrace.telling.spending import BREAK_REASONS
from clustertrace.telling.words import shortened
from clustertrace.understanding.spending import Break

__all__ = ["draw", "title"]

_TITLE_LENGTH: Final = 120
_MAX_BREAKS: Final = 20


def title(row: SessionRow) -> str:
    """The title of a session: its first prompt, else its id."""
    return shortened(" ".join((row.first_prompt or row.session_id).split()), _TITLE_LENGTH)


def draw(session: Session, cache_breaks: Sequence[Break], first: int) -> None:
    """Draw a session; the first of the given turns has the number `first`."""
    row = session.row
    failed = f", {words.count(row.failed)} failed" if row.failed else ", none failed"
    st.html(
        markup.page(
            markup.heading(f"{words.counted(row.turns, 'turn')}{failed}: {title(row)}"),
            _session_facts(row),
        )
    )
    dearest = max((turn.measures.cost_usd for turn in session.turns), default=0.0)
    lines = [
        _turn_cells(number, turn, dearest) for number, turn in enumerate(session.turns, start=first)
    ]
    head = ("Turn", "Began", "Asked", "Ended", "Took", "Spent", "", "From cache", "Paid again")
    st.html(markup.page(markup.rows(lines, head)))
    if cache_breaks:
        st.html(markup.page(*_break_lines(cache_breaks)))


def _session_facts(row: SessionRow) -> markup.Markup:
    zone, now = words.zone(st.context.timezone), time.time_ns()
    measures = row.measures
    parts = [
        markup.spent(row.cost_usd, measures.unpriced_calls),
        markup.fact(
            words.count(measures.calls),
            "call" if measures.calls == 1 else "calls",
            title="Calls of models, embeddings included",
        ),
        markup.fact(words.share(round(measures.hit_rate, 3)), "of the input from a cache"),
        markup.fact(words.money(measures.carried_usd), "for context carried along"),
        markup.fact(words.moment(row.first_ns, zone, now), "began"),
    ]
    if row.project:
        parts.append(markup.fact(row.project, "project"))
    traces = traces_url(condition("session", row.session_id))
    parts.append(markup.fact(row.session_id, "id", href=traces))
    return markup.facts(*parts)


def _turn_cells(number: int, turn: Turn, dearest: float) -> tuple[object, ...]:
    trace, measures = turn
    zone, now = words.zone(st.context.timezone), time.time_ns()
    prompt = " ".join((trace.first_prompt or trace.name or NO_NAME).split())
    return (
        markup.muted(words.count(number)),
        markup.unbroken(words.moment(trace.start_ns, zone, now)),
        markup.link(
            shortened(prompt, _TITLE_LENGTH),
            trace_url(trace.trace_id),
            title=shortened(prompt, 4 * _TITLE_LENGTH),
        ),
        markup.state(words.state(trace.outcome, trace.status)),
        words.duration(trace.duration_ns),
        markup.unbroken(words.cost(trace.cost_usd, trace.unpriced_calls)),
        markup.bar(measures.cost_usd / dearest if dearest else 0.0),
        words.share(round(measures.hit_rate, 3)) if measures.input_tokens else "",
        f"{words.short_count(measures.missed_tokens)} tokens" if measures.missed_tokens else "",
    )


def _break_lines(cache_breaks: Sequence[Break]) -> list[markup.Markup]:
    """Calls that missed a cache, the most expensive first, each with its cause."""
    dearest = sorted(cache_breaks, key=lambda cache_break: -cache_break.lost_usd)[:_MAX_BREAKS]
    lost = sum(cache_break.lost_usd for cache_break in cache_breaks)
    head = (
        f"{words.counted(len(cache_breaks), 'call')} missed the cache, which cost about "
        f"{words.money(lost)}"
    )
    lines = [
        (
            markup.link(
                words.in_line(cache_break.call.name),
                trace_url(cache_break.call.trace_id, cache_break.call.span_id),
            ),
            _cause_sentence(cache_break),
            f"{words.short_count(cache_break.missed_tokens)} tokens again",
            words.money(cache_break.lost_usd),
        )
        for cache_break in dearest
    ]
    return [markup.subheading(head), markup.rows(lines)]


def _cause_sentence(cache_break: Break) -> str:
    cause = BREAK_REASONS.get(cache_break.reason, cache_break.reason)
    if cache_break.reason == "idle":
        return f"{cause}: {words.duration(cache_break.idle_ns)} had passed since the previous call"
    if cache_break.reason == "history":
        kept = words.short_count(cache_break.kept_tokens)
        return f"{cause}: the first {kept} tokens were still found"
    return cause
