"""What failing runs share, as sentences with their evidence, above the patterns."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Lock
from typing import Final, NamedTuple

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.guard import guarded
from clustertrace.app.links import trace_url
from clustertrace.filters import Filter
from clustertrace.patterns.learning import Learned
from clustertrace.patterns.rules import Rule
from clustertrace.patterns.sentences import nothing_words, rule_words, tags_note, tried_words
from clustertrace.store import queries
from clustertrace.store.answers import Overview
from clustertrace.store.store import Store

__all__ = ["draw"]

RUNS: Final = 10_000
"""How many of the newest finished runs rules are learned from; takes about a second."""

_REST_FACTOR: Final = 20
"""While runs come in, rules are learned again only after so many times the learning time."""

_WAIT_SECONDS: Final = 0.5
"""How long a page waits for rules; slower ones show up in a later refresh."""


class _LearnedRules(NamedTuple):
    """Rules, and the state of the runs that they were learned from."""

    learned: Learned
    of_tags: Learned
    state: tuple[int, ...]
    """Counters that change with the runs."""
    started_ns: int
    next_due: float
    """When to learn again if the runs have changed, on the monotonic clock."""


class _Learner:
    """Learns the rules of a database's runs, or of those that match, in a thread, for all sessions
    that show them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, "rules")
        self._work: Future[_LearnedRules] | None = None
        self._last: _LearnedRules | None = None

    def latest(
        self, store: Store, where: Filter | None, totals: Overview, expected: int
    ) -> tuple[_LearnedRules | None, bool]:
        """The rules learned last, None before the first; and whether runs have changed since."""
        with store.read() as conn:
            noted = queries.runs_noted(conn)
        state = (noted, totals.finished, totals.failed, expected)
        with self._lock:
            work = self._work
            if work is None and self._is_due(state):
                work = self._work = self._worker.submit(_learn, store, where, state)
        if work is not None:
            wait([work], _WAIT_SECONDS if self._last is None else 0)
        with self._lock:
            if work is not None and work is self._work and work.done():
                self._work = None
                self._last = work.result()
            return self._last, self._last is not None and self._last.state != state

    def _is_due(self, state: tuple[int, ...]) -> bool:
        last = self._last
        return last is None or (last.state != state and time.monotonic() >= last.next_due)


def _learn(store: Store, where: Filter | None, state: tuple[int, ...]) -> _LearnedRules:
    started_ns, started = time.time_ns(), time.monotonic()
    with store.read() as conn:
        learned = queries.learned(conn, RUNS, where)
        of_tags = queries.learned_of_tags(conn, RUNS, where)
    finished = time.monotonic()
    next_due = finished + _REST_FACTOR * (finished - started)
    return _LearnedRules(learned, of_tags, state, started_ns, next_due)


@st.cache_resource(show_spinner=False, max_entries=8)
def _learner(path: str, filter_text: str) -> _Learner:
    return _Learner()


@guarded
def draw(totals: Overview, expected: int, where: Filter | None, filter_text: str) -> None:
    """Draw the rules of the runs that match, or why there are none; `expected` failed as expected.

    An error in here hides no other part of the page.
    """
    learner = _learner(connection.place(), filter_text)
    latest, changed = learner.latest(connection.store(), where, totals, expected)
    matching = "" if where is None else " that match"
    st.html(markup.page(_section(latest, matching, changed=changed)))


def _section(latest: _LearnedRules | None, matching: str, *, changed: bool) -> markup.Markup:
    if latest is None:
        return markup.muted("Looking for what the failing runs share…")
    rows = [
        _row(rule, ids)
        for learned in (latest.learned, latest.of_tags)
        for rule, ids in zip(learned.mined.rules, learned.samples, strict=True)
    ]
    note = f"{_note(latest, matching, changed=changed)} {tags_note(latest.of_tags.mined)}".rstrip()
    return markup.join(
        [
            markup.tag("div", *rows, cls="ct-rules") if rows else "",
            markup.tag("p", markup.muted(*markup.coded(note))),
        ]
    )


def _note(latest: _LearnedRules, matching: str, *, changed: bool) -> str:
    mined, _, left_out = latest.learned
    if not mined.rules:
        return nothing_words(mined, left_out)
    runs = mined.runs + left_out
    newest = f"the newest {words.count(runs)}" if runs >= RUNS else "all"
    without = f" without {words.counted(left_out, 'expected failure')}" if left_out else ""
    return (
        f"Learned from {newest} finished runs{matching}{without}"
        f"{_as_of_words(latest) if changed else ''}; "
        f"{tried_words(mined.tried)} and corrected for. A rule says what goes along with failing, "
        "not what causes it."
    )


def _as_of_words(latest: _LearnedRules) -> str:
    zone = words.zone(st.context.timezone)
    return f" at {words.moment(latest.started_ns, zone, time.time_ns())}, more have arrived since"


def _row(rule: Rule, ids: tuple[str, ...]) -> markup.Markup:
    rate = rule.failed / rule.matched
    evidence = (
        f"95 % interval {words.interval(rule.interval)}, "
        f"p {words.chance(rule.p)}, q {words.chance(rule.q)}"
    )
    examples = [
        markup.link(f"run {number}", trace_url(trace_id))
        for number, trace_id in enumerate(ids[:3], 1)
    ]
    return markup.tag(
        "div",
        markup.tag("div", markup.rate_bar(rate, *rule.interval), cls="ct-rule-rate"),
        markup.tag(
            "div",
            markup.tag("div", *markup.coded(rule_words(rule)), cls="ct-rule-words"),
            markup.muted(evidence, " · ", markup.join(examples, " · ")),
        ),
        cls="ct-rule",
    )
