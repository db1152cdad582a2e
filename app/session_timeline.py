"""One session on screen: its turns in order with what each spent, and where caches were missed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.app.links import trace_url, traces_url
from clustertrace.filters import condition
from clustertrace.store.queries.conversing import Session, SessionRow, Turn
from clustertrace.telling.spending import BREAK_REASONS
from clustertrace.understanding.spending import Break

__all__ = ["draw", "title"]

_SHORT: Final = 120
_BREAKS: Final = 20


def title(row: SessionRow) -> str:
    """What a session is called: what it began with, else its id."""
    said = " ".join((row.first_prompt or row.session_id).split())
    return said if len(said) <= _SHORT else f"{said[:_SHORT]}…"


def draw(session: Session, broken: Sequence[Break], first: int) -> None:
    """Draw a session's turns, of which the first shown is number `first`."""
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
    if broken:
        st.html(markup.page(*_break_lines(broken)))


def _session_facts(row: SessionRow) -> markup.Markup:
    where, now = words.zone(st.context.timezone), time.time_ns()
    one = row.measures
    parts = [
        markup.fact(words.cost(row.cost_usd, one.unpriced_calls), "spent"),
        markup.number(one.calls, "call"),
        markup.fact(words.share(round(one.hit_rate, 3)), "of the input from a cache"),
        markup.fact(words.money(one.carried_usd), "for context carried along"),
        markup.fact(words.moment(row.first_ns, where, now), "began"),
    ]
    if row.project:
        parts.append(markup.fact(row.project, "project"))
    traces = traces_url(condition("session", row.session_id))
    parts.append(markup.fact(row.session_id, "id", href=traces))
    return markup.facts(*parts)


def _turn_cells(number: int, turn: Turn, dearest: float) -> tuple[object, ...]:
    trace, spent = turn
    where, now = words.zone(st.context.timezone), time.time_ns()
    asked = " ".join((trace.first_prompt or trace.name or "(no name)").split())
    return (
        markup.muted(words.count(number)),
        markup.unbroken(words.moment(trace.start_ns, where, now)),
        markup.link(asked[:_SHORT], trace_url(trace.trace_id), title=asked[: 4 * _SHORT]),
        markup.state(words.state(trace.outcome, trace.status)),
        words.duration(trace.duration_ns),
        markup.unbroken(words.cost(trace.cost_usd, trace.unpriced_calls)),
        markup.bar(spent.cost_usd / dearest if dearest else 0.0),
        words.share(round(spent.hit_rate, 3)) if spent.input_tokens else "",
        f"{words.short_count(spent.missed_tokens)} tokens" if spent.missed_tokens else "",
    )


def _break_lines(broken: Sequence[Break]) -> list[markup.Markup]:
    """Calls that missed a cache, the dearest first, each with its cause in a sentence."""
    dearest = sorted(broken, key=lambda one: -one.lost_usd)[:_BREAKS]
    lost = sum(one.lost_usd for one in broken)
    head = (
        f"{words.counted(len(broken), 'call')} missed the cache, which cost about "
        f"{words.money(lost)}"
    )
    lines = [
        (
            markup.link(one.call.name, trace_url(one.call.trace_id, one.call.span_id)),
            _cause_sentence(one),
            f"{words.short_count(one.missed_tokens)} tokens again",
            words.money(one.lost_usd),
        )
        for one in dearest
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
