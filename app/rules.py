"""What the failing runs share, as sentences with their evidence, on top of the patterns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.guard import guarded
from clustertrace.app.links import trace_url
from clustertrace.patterns.learning import Learned
from clustertrace.patterns.rules import Rule
from clustertrace.patterns.sentences import nothing_words, rule_words
from clustertrace.store import queries
from clustertrace.store.answers import Overview

__all__ = ["draw"]

RUNS: Final = 10_000
"""The newest finished runs that rules are learned from; a second's work."""

_PATIENCE: Final = 20
"""While runs come in, rules are learned anew after so many times the time that it takes."""


@dataclass
class _Known:
    """The rules of a database as they were last learned, for all who look at it."""

    lock: Lock
    learned: Learned | None = None
    state: tuple[int, ...] = ()
    """What they were learned from, as numbers that change with it."""
    again: float = 0.0
    """When to learn anew if there is news, on the monotonic clock."""


@st.cache_resource(show_spinner=False, max_entries=8)
def _known(path: str) -> _Known:
    return _Known(Lock())


def _learned(totals: Overview) -> Learned:
    known = _known(str(connection.path()))
    with known.lock, connection.read() as conn:
        state = (queries.runs_noted(conn), totals.finished, totals.failed)
        begun = time.monotonic()
        if known.learned is None or (state != known.state and begun >= known.again):
            with st.spinner("Looking for what the failing runs share…", show_time=True):
                known.learned, known.state = queries.learned(conn, RUNS), state
            ended = time.monotonic()
            known.again = ended + _PATIENCE * (ended - begun)
        return known.learned


@guarded
def draw(totals: Overview) -> None:
    """The rules as rows, or why there are none; trouble with them hides nothing else."""
    st.html(markup.page(_section(totals)))


def _section(totals: Overview) -> markup.Markup:
    mined, samples = _learned(totals)
    if not mined.rules:
        return markup.muted(nothing_words(mined))
    rows = [_row(rule, ids) for rule, ids in zip(mined.rules, samples, strict=True)]
    newest = f"the newest {words.count(mined.runs)}" if mined.runs >= RUNS else "all"
    note = (
        f"Learned from {newest} finished runs; {words.count(mined.tried)} conditions were tried "
        "and corrected for. A rule says what goes along with failing, not what causes it."
    )
    return markup.join(
        [markup.tag("div", *rows, cls="ct-rules"), markup.tag("p", markup.muted(note))]
    )


def _row(rule: Rule, ids: tuple[str, ...]) -> markup.Markup:
    rate = rule.failed / rule.matched
    evidence = (
        f"95 % interval {words.interval(rule.interval)}, "
        f"p {words.chance(rule.p)}, q {words.chance(rule.q)}"
    )
    looks = [markup.link(f"run {at}", trace_url(one)) for at, one in enumerate(ids[:3], 1)]
    return markup.tag(
        "div",
        markup.tag("div", markup.rate_bar(rate, *rule.interval), cls="ct-rule-rate"),
        markup.tag(
            "div",
            markup.tag("div", *markup.coded(rule_words(rule)), cls="ct-rule-words"),
            markup.muted(evidence, " · ", markup.join(looks, " · ")),
        ),
        cls="ct-rule",
    )
