"""What can be done with one trace: judge, star, note, share, run again, compare."""

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
from clustertrace.store.said.annotations import LONGEST, Outcome, TraceWord, annotate_traces

__all__ = ["draw", "suspects"]

_OUTCOMES: Final[tuple[Outcome, ...]] = ("pass", "fail", "unknown")
_OWN: Final[Outcome] = "own"


@guarded
def draw(trace: Trace, row: TraceRow) -> None:
    """Draw the row of what can be done; each choice is stored at once."""
    key = trace.trace_id
    with st.container(horizontal=True, vertical_alignment="bottom"):
        starred = st.toggle("Star", value=trace.starred, key=f"star {key}")
        outcome = st.segmented_control(
            "Outcome",
            (*_OUTCOMES, _OWN) if trace.by_hand else _OUTCOMES,
            default=trace.outcome,
            format_func=lambda one: "take back" if one == _OWN else one,
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
    given = next((one for one in (*_OUTCOMES, _OWN) if one == outcome), None)
    word = TraceWord(
        outcome=given if given != trace.outcome else None,
        starred=starred if starred != trace.starred else None,
        note=note.strip() if note.strip() != (trace.note or "") else None,
    )
    if word != TraceWord():
        annotate_traces(connection.store(), [key], word)
        st.rerun()
    st.html(markup.page(markup.facts(*_neighbours(trace, row))))


def _share(trace: Trace) -> None:
    """Files to send: made when the button is pressed, secrets looked for once more."""
    name = f"{trace.trace_id[:12]}"

    def page() -> str:
        (kept,), cut = leaving([trace])
        return trace_document(kept, secrets_cut=cut)

    st.download_button("Snapshot (one HTML file)", page, f"{name}.html", "text/html")
    st.download_button(
        "Native JSON", lambda: dump_trace(trace), f"{name}.jsonl", "application/x-ndjson"
    )


def _neighbours(trace: Trace, row: TraceRow) -> list[markup.Markup]:
    """Ways to other runs: of its pattern, of its session, and the nearest that did not fail."""
    ways = []
    if row.variant:
        href = traces_url(f"pattern:{row.variant}")
        ways.append(markup.link("Other runs of its pattern", href))
        with connection.read() as conn:
            near = queries.relatives(conn, row.variant, failed=not trace.failed, limit=1)
        if near:
            word = "did not fail" if trace.failed else "failed"
            href = url("compare", {"a": trace.trace_id, "b": near[0].trace_id})
            ways.append(markup.link(f"Compare with the most similar run that {word}", href))
    if trace.session_id:
        ways.append(markup.link("Its session", session_url(trace.session_id)))
        with connection.read() as conn:
            before, after = queries.beside_in_session(conn, trace.trace_id)
        ways += [
            markup.link(label, trace_url(one))
            for label, one in (("‹ Previous turn", before), ("Next turn ›", after))
            if one is not None
        ]
    return ways


def suspects(trace: Trace, found: Sequence[Suspect]) -> markup.Markup:
    """Where a failed run may have broken, with reasons; never one cause."""
    rows = (explanation.suspect(trace.trace_id, one) for one in found)
    return markup.join([markup.subheading("Where it may have broken"), *rows])
