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
_MAX_PAGES: Final = 50
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
        facets = queries.facets(conn, query)
    kind, state = _pick_kind_and_state(facets)
    page_number = st.session_state.get("page") or 1
    with connection.read() as conn:
        page = queries.search(
            conn,
            query,
            kind=kind,
            failed=_STATES[state],
            limit=_HITS,
            offset=(page_number - 1) * _HITS,
        )
    st.html(markup.page(markup.heading(_sentence(facets)), _order_note(page)))
    if not page.hits:
        st.html(markup.notice("Nothing matches; remove a word, or end one with *."))
        return
    now, zone = time.time_ns(), words.zone(st.context.timezone)
    st.html(
        markup.page(
            *(
                markup.hit(hit, _link(hit), words.moment(hit.start_ns, zone, now))
                for hit in page.hits
            )
        )
    )
    if page.more or page_number > 1:
        last = min(_MAX_PAGES, page_number + page.more)
        st.pagination(last, key="page")


def _pick_kind_and_state(facets: Facets) -> tuple[str | None, str]:
    """Draw filters for kind and state; returns what is picked."""
    if not facets.looked_at:
        return None, "all"
    with st.container(horizontal=True):
        kinds = {f"{kind} ({count})": kind for kind, count in facets.kinds.items()}
        kind = st.pills("Kind", list(kinds))
        state = st.segmented_control("State", list(_STATES), default="all", required=True)
    return kinds.get(kind or ""), state or "all"


def _sentence(facets: Facets) -> str:
    if not facets.looked_at:
        return "Nothing was found."
    steps = words.counted(facets.looked_at - facets.more, "step")
    more = "More than " if facets.more else ""
    failed = f", {words.count(facets.failed)} of them failed" if facets.failed else ""
    return f"{more}{steps} {'match' if facets.looked_at != 1 else 'matches'}{failed}."


def _order_note(page: HitPage) -> markup.Markup:
    if not page.behind:
        return markup.muted("Newest first.")
    return markup.muted(
        f"Newest first; {words.counted(page.behind, 'span')} are still to be indexed."
    )


def _link(hit: Hit) -> str:
    return trace_url(hit.trace_id, hit.span_id)
