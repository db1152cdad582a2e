"""A draft under review: marked text, and each finding with advice and its effect in past runs."""

from __future__ import annotations

from typing import Final

import streamlit as st

from clustertrace.app import markup, words
from clustertrace.app.prompting import deepen
from clustertrace.prompts.deepening import about_draft
from clustertrace.prompts.findings import Finding
from clustertrace.prompts.habit_words import effect_words
from clustertrace.prompts.habits import Habits
from clustertrace.prompts.lint import Review, review_draft
from clustertrace.prompts.marking import pieces

__all__ = ["DRAFT", "LONGEST", "SHOWN", "draw"]

DRAFT: Final = "draft"
SHOWN: Final = "critiqued draft"
"""Session state keys: the draft in the field, and the one that was reviewed."""

LONGEST: Final = 100_000


def draw(habits: Habits) -> None:
    """Draw the tab."""
    with st.form("critique", border=False):
        draft = st.text_area(
            "Draft",
            key=DRAFT,
            height=190,
            max_chars=LONGEST,
            placeholder="Paste a prompt. Ctrl+Enter critiques it; it stays on this machine.",
        )
        if st.form_submit_button("Critique", type="primary", help="Ctrl+Enter in the field"):
            st.session_state[SHOWN] = draft or ""
    text = str(st.session_state.get(SHOWN, ""))
    if not text.strip():
        return
    review = review_draft(text)
    st.html(markup.page(_summary(review), _marked(text, review), _list(review, habits)))
    deepen.draw(about_draft(text, review.findings), "draft")


def _summary(review: Review) -> markup.Markup:
    parts = []
    if review.findings:
        parts.append(f"{words.counted(len(review.findings), 'finding')}.")
    elif review.language:
        parts.append("No rule found anything.")
    if review.strengths:
        parts.append(f"Good habits: {', '.join(strength.habit for strength in review.strengths)}.")
    if review.unread:
        parts.append(f"{review.unread} rules are for English only and were not applied.")
    return markup.tag("p", " ".join(parts), cls="ct-why")


def _marked(text: str, review: Review) -> markup.Markup:
    parts: list[object] = []
    for piece in pieces(text, review.findings):
        if not piece.about:
            parts.append(piece.text)
            continue
        messages = " ".join(review.findings[number - 1].message for number in piece.about)
        parts.append(markup.tag("mark", piece.text, title=messages))
        parts += [markup.tag("sup", number) for number in piece.ending]
    return markup.tag("pre", *parts, cls="ct-text ct-marked")


def _list(review: Review, habits: Habits) -> markup.Markup:
    rows = [_finding(number, finding, habits) for number, finding in enumerate(review.findings, 1)]
    return markup.tag("div", *rows)


def _finding(number: int, finding: Finding, habits: Habits) -> markup.Markup:
    label = number if finding.start is not None else "–"
    return markup.tag(
        "div",
        markup.tag("span", label, cls="ct-muted ct-right"),
        markup.tag("span", finding.level, cls=f"ct-level ct-level-{finding.level}"),
        markup.tag(
            "div",
            markup.tag("b", finding.message),
            markup.tag("div", finding.suggestion),
            markup.tag("div", markup.muted(effect_words(finding.rule, habits)), cls="ct-small"),
        ),
        cls="ct-finding",
    )
