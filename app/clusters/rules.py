"""What the failing runs share, as sentences with their evidence, on top of the patterns."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Final, NamedTuple

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.guard import guarded
from clustertrace.app.links import trace_url
from clustertrace.patterns.learning import Learned
from clustertrace.patterns.rules import Rule
from clustertrace.patterns.sentences import nothing_words, rule_words
from clustertrace.store import queries
from clustertrace.store.answers import Overview
from clustertrace.store.store import Store

__all__ = ["draw"]

RUNS: Final = 10_000
"""The newest finished runs that rules are learned from; a second's work."""

_PATIENCE: Final = 20
"""While runs come in, rules are learned anew after so many times the time that it takes."""

_AT_ONCE: Final = 0.5
"""Seconds that a page waits for rules; those that take longer come with one of its next looks."""


class _Lesson(NamedTuple):
    """What was learned, and what from."""

    learned: Learned
    state: tuple[int, ...]
    """Numbers that change with the runs."""
    begun_ns: int
    again: float
    """When to learn anew if there is news, on the monotonic clock."""


class _Learner:
    """The rules of a database as they were last learned, for all who look at it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, "rules")
        self._work: Future[_Lesson] | None = None
        self._last: _Lesson | None = None

    def look(self, store: Store, totals: Overview) -> tuple[_Lesson | None, bool]:
        """The last lesson, if there is one yet, and whether the runs have changed since."""
        with store.read() as conn:
            state = (queries.runs_noted(conn), totals.finished, totals.failed)
        with self._lock:
            work = self._work
            if work is None and self._is_due(state):
                work = self._work = self._worker.submit(_learn, store, state)
        if work is not None:
            wait([work], _AT_ONCE if self._last is None else 0)
        with self._lock:
            if work is not None and work is self._work and work.done():
                self._work = None
                self._last = work.result()
            return self._last, self._last is not None and self._last.state != state

    def _is_due(self, state: tuple[int, ...]) -> bool:
        last = self._last
        return last is None or (last.state != state and time.monotonic() >= last.again)


def _learn(store: Store, state: tuple[int, ...]) -> _Lesson:
    begun_ns, begun = time.time_ns(), time.monotonic()
    with store.read() as conn:
        learned = queries.learned(conn, RUNS)
    ended = time.monotonic()
    return _Lesson(learned, state, begun_ns, ended + _PATIENCE * (ended - begun))


@st.cache_resource(show_spinner=False, max_entries=8)
def _learner(path: str) -> _Learner:
    return _Learner()


@guarded
def draw(totals: Overview) -> None:
    """The rules as rows, or why there are none; trouble with them hides nothing else."""
    st.html(markup.page(_section(totals)))


def _section(totals: Overview) -> markup.Markup:
    lesson, changed = _learner(connection.place()).look(connection.store(), totals)
    if lesson is None:
        return markup.muted("Looking for what the failing runs share…")
    mined, samples = lesson.learned
    if not mined.rules:
        return markup.muted(nothing_words(mined))
    rows = [_row(rule, ids) for rule, ids in zip(mined.rules, samples, strict=True)]
    newest = f"the newest {words.count(mined.runs)}" if mined.runs >= RUNS else "all"
    note = (
        f"Learned from {newest} finished runs{_as_of(lesson) if changed else ''}; "
        f"{words.count(mined.tried)} conditions were tried and corrected for. A rule says what "
        "goes along with failing, not what causes it."
    )
    return markup.join(
        [markup.tag("div", *rows, cls="ct-rules"), markup.tag("p", markup.muted(note))]
    )


def _as_of(lesson: _Lesson) -> str:
    zone = words.zone(st.context.timezone)
    return f" at {words.moment(lesson.begun_ns, zone, time.time_ns())}, more have arrived since"


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
