"""What an empty database shows: runs that coding agents have left on this machine, and ways in."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.empty import ways_in
from clustertrace.app.guard import guarded
from clustertrace.app.links import follow, follower, url
from clustertrace.store import queries
from clustertrace.telling.words import size_of
from clustertrace.transcripts.finding import TITLES, History, histories
from clustertrace.transcripts.importing import Progress, import_history

__all__ = ["show"]

_LOOK_AGAIN_SECONDS: Final = 2
_STEP_SECONDS: Final = 0.1
"""Between two movements of the bar."""


def show(sentence: str) -> None:
    """Draw what stands on a page until the first trace is there; the `sentence` says what lacks."""
    _offer()
    _wait(sentence)


def _offer() -> None:
    """Draw what was found, with a button for each agent; nothing is read before a click."""
    for history in histories():
        sessions = f"{words.counted(history.sessions, 'session')} of {TITLES[history.agent]}"
        with st.container(border=True, key=f"found {history.agent}"):
            st.html(
                markup.page(
                    markup.heading(f"{sessions} on this machine"),
                    markup.muted(
                        f"{size_of(history.size)} in {_shortened(history.place)}. They are read "
                        "where they are, and nothing leaves the machine."
                    ),
                )
            )
            if st.button("Look at them", type="primary", key=f"import {history.agent}"):
                _import(history)


def _import(history: History) -> None:
    bar = st.progress(0.0, "Reading…")
    moved = 0.0

    def tell(at: Progress) -> None:
        nonlocal moved
        now = time.monotonic()
        if now - moved >= _STEP_SECONDS:
            moved = now
            done = min(1.0, at.size_done / at.size) if at.size else 1.0
            files = f"{words.count(at.files_done)} of {words.counted(at.files, 'file')}"
            bar.progress(done, f"{size_of(at.size_done)} read, {files}")

    result = import_history(connection.store(), history, tell)
    bar.progress(1.0, f"{words.counted(result.turns, 'turn')} read; looking for patterns…")
    connection.store().refresh()
    bar.empty()
    for reason in result.unreadable[:3]:
        st.html(markup.page(markup.notice(reason)))
    if not result.turns:
        st.html(markup.page(markup.notice("No turn of an agent could be read in them.")))
        return
    follow(url("clusters"))
    follower()


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@guarded
def _wait(sentence: str) -> None:
    """Draw the ways in, and the page itself as soon as a trace has come."""
    with connection.read() as conn:
        arrived = queries.has_traces(conn)
    if arrived:
        st.rerun()
    st.html(ways_in(sentence))


def _shortened(place: Path) -> str:
    try:
        return f"~/{place.relative_to(Path.home())}"
    except ValueError:
        return str(place)
