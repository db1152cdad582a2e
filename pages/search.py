"""Search: words in names, inputs, outputs, errors and attributes of spans."""

from __future__ import annotations

import time
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.empty import ways_in
from clustertrace.app.errors_to_search import recent_errors
from clustertrace.app.links import trace_url
from clustertrace.filters.tree import Match
from clustertrace.store import queries
from clustertrace.store.answers import Facets, Hit, HitPage

__all__ = ["draw"]

_HITS: Final = 20
_MOST_PAGES: Final = 50
_RECENT: Final = 200
_WITH_ERROR: Final = Match("error", "*")
_HELP: Final = (
    'All words must match. `"a phrase"`, `refund*` for a prefix, `a OR b`, `a NOT b`, '
    "`NEAR(a b, 5)` for words close together. Punctuation does not matter."
)
_STATES: Final = {"all": None, "failed": True, "not failed": False}


def draw() -> None:
    """Draw the page of `?q=`."""
    with connection.read() as conn:
        if not queries.has_traces(conn):
            st.html(ways_in("There are no traces yet, so there is nothing to find."))
            return
    query = st.text_input(
        "Search",
        key="q",
        bind="query-params",
        placeholder="Words in names, inputs, outputs, errors and attributes",
        help=_HELP,
    )
    if not query.strip():
        with connection.read() as conn:
            recent = queries.traces(conn, _WITH_ERROR, limit=_RECENT).rows
        st.html(
            markup.notice("Type words to find the steps that contain them.", recent_errors(recent))
        )
        return
    with connection.read() as conn:
        found = queries.facets(conn, query)
    kind, state = _narrowed(found)
    number = st.session_state.get("page") or 1
    with connection.read() as conn:
        page = queries.search(
            conn,
            query,
            kind=kind,
            failed=_STATES[state],
            limit=_HITS,
            offset=(number - 1) * _HITS,
        )
    st.html(markup.page(markup.heading(_sentence(found)), _behind(page)))
    if not page.hits:
        st.html(markup.notice("Nothing matches; remove a word, or end one with *."))
        return
    now, where = time.time_ns(), words.zone(st.context.timezone)
    st.html(
        markup.page(
            *(
                markup.hit(hit, _link(hit), words.moment(hit.start_ns, where, now))
                for hit in page.hits
            )
        )
    )
    if page.more or number > 1:
        last = min(_MOST_PAGES, number + page.more)
        st.pagination(last, key="page")


def _narrowed(found: Facets) -> tuple[str | None, str]:
    """The kind and state that are picked of those that were found."""
    if not found.looked_at:
        return None, "all"
    with st.container(horizontal=True):
        kinds = {f"{kind} ({number})": kind for kind, number in found.kinds.items()}
        kind = st.pills("Kind", list(kinds))
        state = st.segmented_control("State", list(_STATES), default="all", required=True)
    return kinds.get(kind or ""), state or "all"


def _sentence(found: Facets) -> str:
    if not found.looked_at:
        return "Nothing was found."
    steps = words.counted(found.looked_at - found.more, "step")
    more = "More than " if found.more else ""
    failed = f", {words.count(found.failed)} of them failed" if found.failed else ""
    return f"{more}{steps} {'match' if found.looked_at != 1 else 'matches'}{failed}."


def _behind(page: HitPage) -> markup.Markup:
    if not page.behind:
        return markup.muted("Newest first.")
    return markup.muted(
        f"Newest first; {words.counted(page.behind, 'span')} are still to be indexed."
    )


def _link(hit: Hit) -> str:
    return trace_url(hit.trace_id, hit.span_id)
