"""What the failing runs share, as sentences with their evidence, on top of the patterns."""

from __future__ import annotations

from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.links import trace_url
from clustertrace.patterns.learning import Learned, learn
from clustertrace.patterns.rules import Rule
from clustertrace.patterns.sentences import nothing_words, rule_words
from clustertrace.store import queries
from clustertrace.store.answers import Overview

__all__ = ["section"]

RUNS: Final = 2_000
"""The newest finished runs that rules are learned from; a second's work for real agents."""


@st.cache_data(show_spinner="Looking for what the failing runs share…", max_entries=8, ttl=600)
def _learned(_runs: int, _failed: int, _last_ns: int | None, path: str) -> Learned:
    """Learn anew only where the arguments, which stand for the state of the database, change."""
    with connection.read() as conn:
        return learn(queries.finished(conn, RUNS))


def section(totals: Overview) -> markup.Markup:
    """The rules as rows, or why there are none."""
    mined, samples = _learned(
        totals.finished, totals.failed, totals.last_ns, str(connection.path())
    )
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


def _sentence(text: str) -> list[object]:
    """Steps stand between backticks; all of it is text from traces and stays text."""
    return [markup.tag("code", part) if at % 2 else part for at, part in enumerate(text.split("`"))]


def _row(rule: Rule, ids: tuple[str, ...]) -> markup.Markup:
    rate = rule.failed / rule.matched
    evidence = f"95 % interval {words.interval(rule.interval)}, p {rule.p:.1g}, q {rule.q:.1g}"
    looks = [markup.link(f"run {at}", trace_url(one)) for at, one in enumerate(ids[:3], 1)]
    return markup.tag(
        "div",
        markup.tag("div", markup.rate_bar(rate, *rule.interval), cls="ct-rule-rate"),
        markup.tag(
            "div",
            markup.tag("div", *_sentence(rule_words(rule)), cls="ct-rule-words"),
            markup.muted(evidence, " · ", markup.join(looks, " · ")),
        ),
        cls="ct-rule",
    )
