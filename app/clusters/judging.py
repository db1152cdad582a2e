"""The user's judgement of a pattern: expected or not, priority, note, outcome of its runs."""

from __future__ import annotations

from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.guard import guarded
from clustertrace.filters.tree import Match
from clustertrace.store import queries
from clustertrace.store.answers import Cluster
from clustertrace.store.user_entries.annotations import (
    LONGEST,
    Outcome,
    PatternEdit,
    TraceEdit,
    annotate_pattern,
    annotate_traces,
)

__all__ = ["draw", "marks"]

_PRIORITIES: Final = ("high", "normal", "low")
_OUTCOMES: Final[dict[Outcome, tuple[str, str]]] = {
    "pass": (":material/check:", "Say that {} passed"),
    "fail": (":material/close:", "Say that {} failed"),
    "unknown": (":material/question_mark:", "Say that nobody knows how {} went"),
}
_MAX_RUNS: Final = 2_000
"""How many runs a page judges at once; more would take too long after a click."""


@guarded
def draw(cluster: Cluster) -> None:
    """Draw the row; each choice is stored at once."""
    annotation = cluster.annotation
    with st.container(horizontal=True, vertical_alignment="bottom"):
        expected = st.toggle(
            "Failures expected", value=annotation.expected, key=f"expected {cluster.id}"
        )
        priority = st.segmented_control(
            "Priority",
            _PRIORITIES,
            default=annotation.priority or "normal",
            required=True,
            key=f"priority {cluster.id}",
        )
        note = st.text_input(
            "Note", value=annotation.note or "", max_chars=LONGEST, key=f"note {cluster.id}"
        )
        with st.popover("How its runs went", help="Give all of its runs an outcome."):
            _outcomes(cluster)
    chosen = PatternEdit(expected, priority or "normal", note.strip())
    stored = PatternEdit(
        annotation.expected, annotation.priority or "normal", annotation.note or ""
    )
    if chosen != stored:
        annotate_pattern(connection.store(), cluster.id, chosen)


def _outcomes(cluster: Cluster) -> None:
    if cluster.count > _MAX_RUNS:
        sentence = (
            f"There are {words.count(cluster.count)} runs of this pattern. Judge them with "
            f"`clustertrace outcome`, or a few of them on their own pages."
        )
        st.html(markup.page(markup.tag("p", *markup.coded(sentence))))
        return
    runs = words.counted(cluster.count, "run")
    st.html(markup.page(markup.muted("Your verdict overrides what a run reported.")))
    for outcome, (sign, label) in _OUTCOMES.items():
        if st.button(label.format(runs), icon=sign, key=f"{outcome} {cluster.id}", width="stretch"):
            with connection.read() as conn:
                ids = queries.matching(conn, Match("pattern", cluster.id))
            annotate_traces(connection.store(), ids, TraceEdit(outcome))
            st.rerun()


def marks(cluster: Cluster) -> markup.Markup:
    """The user's annotations of a pattern, for its row in a list."""
    annotation = cluster.annotation
    parts = [
        text
        for text, is_set in (
            ("expected", annotation.expected),
            (f"{annotation.priority} priority", annotation.priority is not None),
        )
        if is_set
    ]
    shown: list[markup.Markup] = [markup.tag("span", text, cls="ct-tag") for text in parts]
    if annotation.note:
        shown.append(markup.tag("span", annotation.note, cls="ct-muted ct-small ct-note"))
    return markup.join(shown)
