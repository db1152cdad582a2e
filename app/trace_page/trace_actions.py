"""Actions on a trace: judge, star, note, share, run again, compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup
from clustertrace.app.clusters import explanation
from clustertrace.app.guard import guarded
from clustertrace.app.links import session_url, trace_url, traces_url, url
from clustertrace.exchange.native import dump_trace
from clustertrace.model import Trace
from clustertrace.patterns.suspects import Suspect
from clustertrace.snapshot.document import trace_document
from clustertrace.snapshot.leaving import leaving
from clustertrace.store import queries
from clustertrace.store.answers import TraceRow
from clustertrace.store.user_entries.annotations import LONGEST, Outcome, TraceEdit, annotate_traces

__all__ = ["draw", "suspects"]

_OUTCOMES: Final[tuple[Outcome, ...]] = ("pass", "fail", "unknown")
_OWN: Final[Outcome] = "own"


@guarded
def draw(trace: Trace, row: TraceRow) -> None:
    """Draw the row of actions; each choice is stored at once."""
    key = trace.trace_id
    with st.container(horizontal=True, vertical_alignment="bottom"):
        starred = st.toggle("Star", value=trace.starred, key=f"star {key}")
        outcome = st.segmented_control(
            "Outcome",
            (*_OUTCOMES, _OWN) if trace.by_hand else _OUTCOMES,
            default=trace.outcome,
            format_func=lambda option: "take back" if option == _OWN else option,
            key=f"outcome {key}",
        )
        note = st.text_input("Note", value=trace.note or "", max_chars=LONGEST, key=f"note {key}")
        with st.popover("Share"):
            _share(trace)
        with st.popover("Run again"):
            st.html(markup.page(markup.muted("With tools and models answered from this run:")))
            st.code(
                f"clustertrace replay {key[:12]} --entry my_agent:run --stub all", language="bash"
            )
    chosen = next((option for option in (*_OUTCOMES, _OWN) if option == outcome), None)
    annotation = TraceEdit(
        outcome=chosen if chosen != trace.outcome else None,
        starred=starred if starred != trace.starred else None,
        note=note.strip() if note.strip() != (trace.note or "") else None,
    )
    if annotation != TraceEdit():
        annotate_traces(connection.store(), [key], annotation)
        st.rerun()
    st.html(markup.page(markup.facts(*_neighbours(trace, row))))


def _share(trace: Trace) -> None:
    """Draw downloads of the trace: built on click, with secrets cut once more."""
    name = f"{trace.trace_id[:12]}"

    def page() -> str:
        (redacted,), secrets = leaving([trace])
        return trace_document(redacted, secrets_cut=secrets)

    st.download_button("Snapshot (one HTML file)", page, f"{name}.html", "text/html")
    st.download_button(
        "Native JSON", lambda: dump_trace(trace), f"{name}.jsonl", "application/x-ndjson"
    )


def _neighbours(trace: Trace, row: TraceRow) -> list[markup.Markup]:
    """Links to other runs: of its pattern, of its session, and the most similar other outcome."""
    links = []
    if row.variant:
        href = traces_url(f"pattern:{row.variant}")
        links.append(markup.link("Other runs of its pattern", href))
        with connection.read() as conn:
            similar = queries.relatives(conn, row.variant, failed=not trace.failed, limit=1)
        if similar:
            outcome_words = "did not fail" if trace.failed else "failed"
            href = url("compare", {"a": trace.trace_id, "b": similar[0].trace_id})
            links.append(
                markup.link(f"Compare with the most similar run that {outcome_words}", href)
            )
    if trace.session_id:
        links.append(markup.link("Its session", session_url(trace.session_id)))
        with connection.read() as conn:
            before, after = queries.beside_in_session(conn, trace.trace_id)
        links += [
            markup.link(label, trace_url(trace_id))
            for label, trace_id in (("‹ Previous turn", before), ("Next turn ›", after))
            if trace_id is not None
        ]
    return links


def suspects(trace: Trace, steps: Sequence[Suspect]) -> markup.Markup:
    """Steps where a failed run may have broken, with reasons; never a single cause."""
    rows = (explanation.suspect(trace.trace_id, step) for step in steps)
    return markup.join([markup.subheading("Where it may have broken"), *rows])
