"""The first screen, while there are no traces: local sessions of coding agents, ways to send."""

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

_REFRESH_SECONDS: Final = 2
_PROGRESS_SECONDS: Final = 0.1
"""Time between two updates of the progress bar."""


def show(sentence: str) -> None:
    """Draw what a page shows until the first trace arrives; `sentence` says what is missing."""
    _offer_histories()
    _wait_for_trace(sentence)


def _offer_histories() -> None:
    """Draw a button for each agent with local sessions; nothing is read before a click."""
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
    updated = 0.0

    def show_progress(progress: Progress) -> None:
        nonlocal updated
        now = time.monotonic()
        if now - updated >= _PROGRESS_SECONDS:
            updated = now
            fraction = min(1.0, progress.size_done / progress.size) if progress.size else 1.0
            files = f"{words.count(progress.files_done)} of {words.counted(progress.files, 'file')}"
            bar.progress(fraction, f"{size_of(progress.size_done)} read, {files}")

    result = import_history(connection.store(), history, show_progress)
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


@st.fragment(run_every=_REFRESH_SECONDS)
@guarded
def _wait_for_trace(sentence: str) -> None:
    """Draw the ways to send traces, and rerun the page once a trace has arrived."""
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
