"""Bulk actions on the traces that are ticked in a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.store.user_entries.annotations import Outcome, TraceEdit, annotate_traces

__all__ = ["bar"]

_OUTCOMES: Final[dict[str, Outcome]] = {
    "✓ passed": "pass",
    "✕ failed": "fail",
    "○ unknown": "unknown",
    "↺ what the run says": "own",
}


def bar(trace_ids: Sequence[str]) -> bool:
    """Draw the actions; returns whether one was carried out."""
    selected = markup.fact(words.count(len(trace_ids)), "selected")
    st.html(markup.page(markup.facts(selected)), width="content")
    annotation = _outcome() or _star() or _tag()
    if annotation is None:
        return False
    annotate_traces(connection.store(), trace_ids, annotation)
    return True


def _outcome() -> TraceEdit | None:
    chosen = st.menu_button("Outcome", list(_OUTCOMES), icon=":material/gavel:")
    return TraceEdit(outcome=_OUTCOMES[chosen]) if chosen else None


def _star() -> TraceEdit | None:
    return TraceEdit(starred=True) if st.button("Star", icon=":material/star:") else None


def _tag() -> TraceEdit | None:
    with st.popover("Tag", icon=":material/sell:"), st.form("tag traces", border=False):
        key = st.text_input("Key", placeholder="task")
        value = st.text_input("Value", placeholder="billing; empty removes the tag")
        if not st.form_submit_button("Tag them"):
            return None
    if not key.strip():
        st.html(markup.notice("A tag needs a key."))
        return None
    return TraceEdit(tags={key.strip(): value.strip()})
