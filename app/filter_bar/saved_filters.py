"""Saved filters: use one, save the conditions in the bar under a name, delete one."""

from __future__ import annotations

from typing import Final

import streamlit as st

from clustertrace.app import connection, markup
from clustertrace.app.links import FILTER
from clustertrace.errors import ClustertraceError
from clustertrace.filters import both
from clustertrace.store import queries
from clustertrace.store.user_entries import saved_filters

__all__ = ["menu"]

_PICKED: Final = "saved filter"


def menu(texts: tuple[str, ...]) -> None:
    """Draw the menu; `texts` are the conditions in the bar."""
    texts = tuple(text for text in texts if text.strip())
    with connection.read() as conn:
        saved = queries.saved_filters(conn)
    with st.popover("Saved filters", icon=":material/bookmark:"):
        if saved:
            _pick(saved)
        if texts:
            _keep(texts)
        if not saved and not texts:
            st.html(markup.page(markup.muted("Filter the list, then give the filter a name here.")))


def _pick(saved: dict[str, str]) -> None:
    st.selectbox(
        "Use",
        list(saved),
        index=None,
        key=_PICKED,
        placeholder="a saved filter",
        on_change=_use,
        args=(saved,),
    )
    name = st.selectbox("Forget", list(saved), index=None, placeholder="a saved filter")
    if name and st.button("Forget it"):
        saved_filters.delete(connection.store(), name)
        st.rerun()


def _use(saved: dict[str, str]) -> None:
    if text := saved.get(st.session_state[_PICKED] or ""):
        st.session_state[FILTER] = [text]
        st.session_state[_PICKED] = None


def _keep(texts: tuple[str, ...]) -> None:
    with st.form("keep a filter", clear_on_submit=True, border=False):
        name = st.text_input("Keep this filter as", max_chars=saved_filters.LONGEST_NAME)
        if not st.form_submit_button("Keep"):
            return
    try:
        saved_filters.save(connection.store(), name, both(*texts))
    except ClustertraceError as error:
        st.html(markup.notice(str(error)))
        return
    st.rerun()
