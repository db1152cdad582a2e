"""One change a week: mark the last one, and plan the next."""

from __future__ import annotations

from typing import Final

import streamlit as st

from clustertrace.app import connection, markup
from clustertrace.app.guard import guarded
from clustertrace.app.reviewing import week_sections
from clustertrace.errors import ClustertraceError
from clustertrace.review.change_sections import (
    last_change,
    next_change,
    offer_words,
    week_by_week,
)
from clustertrace.review.commitments import MARKS, Changes, Kept
from clustertrace.review.record import Review
from clustertrace.store.user_entries import commitments

__all__ = ["draw"]

_MARK: Final = "mark"
_CHANGE: Final = "change"
_AIM: Final = "aim"


def draw(review: Review) -> None:
    """Draw the planned changes, with widgets to mark and to plan them."""
    changes, variants = review.changes, review.variants
    if (section := last_change(changes, variants)) is not None:
        st.html(week_sections.section(section))
        _marks(changes)
    st.html(week_sections.section(next_change(changes, variants)))
    _plan(review)
    if (section := week_by_week(changes, variants)) is not None:
        st.html(week_sections.section(section))


def _marks(changes: Changes) -> None:
    last = changes.last
    if last is None or last.tested is None:
        return
    tested = last.tested
    key = f"{_MARK} {last.week}"

    @guarded
    def store_mark() -> None:
        mark = st.session_state[key]
        result = mark and Kept(mark, tested.before, tested.after, tested.verdict.word)
        commitments.mark(connection.store(), last.week, result or None)

    st.segmented_control(
        "Did you do it?",
        MARKS,
        default=last.kept.mark if last.kept else None,
        key=key,
        on_change=store_mark,
    )


def _plan(review: Review) -> None:
    changes = review.changes
    if changes.too_late:
        return
    if changes.planned is not None:
        if changes.planned.kept is None and st.button("Withdraw the plan"):
            commitments.withdraw(connection.store(), changes.planned.week)
            st.rerun()
        return
    if not changes.offers:
        st.html(markup.page(markup.muted("A plan needs a figure, and these days have none.")))
        return
    with st.form("plan", clear_on_submit=True):
        change = st.text_input(
            "What will you change?",
            key=_CHANGE,
            max_chars=commitments.LONGEST,
            placeholder="Say in the system prompt when to stop searching",
        )
        offer = st.selectbox(
            "Which figure is it for?",
            changes.offers,
            format_func=lambda offer_shown: offer_words(offer_shown, review.variants),
            key=_AIM,
        )
        if not st.form_submit_button("Plan it", type="primary"):
            return
    try:
        commitments.commit(connection.store(), changes.coming.first, change, offer.aim)
    except ClustertraceError as error:
        st.html(markup.notice(str(error)))
        return
    st.rerun()
