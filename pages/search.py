"""Search: words in names, inputs, outputs, errors and attributes of spans."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.empty import ways_in
from clustertrace.app.errors_to_search import recent_errors
from clustertrace.app.links import trace_url
from clustertrace.app.paging import page_count, requested_page
from clustertrace.filters.tree import Match
from clustertrace.store import queries
from clustertrace.store.answers import Facets, HitPage

__all__ = ["draw"]

_HITS: Final = 40
_MAX_PAGES: Final = 50
_RECENT: Final = 200
_ORDER: Final = "Latest arrivals first"
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
        on_change=_to_first_page,
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
    page_number = number if (number := requested_page()) <= _MAX_PAGES else 1
    page = _read_page(query, kind, state, page_number)
    if not page.hits and page_number > 1:
        # Past the end the pagination below goes back to its first page, too.
        page_number = 1
        page = _read_page(query, kind, state, page_number)
    st.html(markup.page(markup.heading(_sentence(facets)), _order_note(facets, page)))
    if not page.hits:
        st.html(markup.notice(_nothing_sentence(facets)))
    st.html(markup.page(*_passages(page)))
    if page.more or page_number > 1 or "page" in st.query_params:
        # Of very many matches only the newest were counted.
        known = page_count(facets.number(kind, _STATES[state]), _HITS)
        last = min(_MAX_PAGES, max(known, page_number + page.more))
        st.pagination(last, key="page", bind="query-params")


def _to_first_page() -> None:
    st.session_state["page"] = 1


def _read_page(query: str, kind: str | None, state: str, number: int) -> HitPage:
    with connection.read() as conn:
        return queries.search(
            conn,
            query,
            kind=kind,
            failed=_STATES[state],
            limit=_HITS,
            offset=(number - 1) * _HITS,
        )


def _nothing_sentence(facets: Facets) -> str:
    if not facets.looked_at:
        return "Nothing matches; remove a word, or end one with *."
    return "None of them is of this kind and state; pick others."


def _pick_kind_and_state(facets: Facets) -> tuple[str | None, str]:
    """Draw filters for kind and state; returns what is picked."""
    if not facets.looked_at:
        return None, "all"
    with st.container(horizontal=True):
        kind = st.pills(
            "Kind",
            list(facets.kinds),
            key="kind",
            bind="query-params",
            on_change=_to_first_page,
        )
        state = st.segmented_control(
            "State",
            list(_STATES),
            default="all",
            required=True,
            key="state",
            bind="query-params",
            on_change=_to_first_page,
        )
    return kind, state or "all"


def _sentence(facets: Facets) -> str:
    if not facets.looked_at:
        return "Nothing was found."
    steps = words.counted(facets.looked_at - facets.more, "step")
    more = "More than " if facets.more else ""
    if facets.looked_at == 1:
        return f"{steps} matches{', and failed' if facets.failed else ''}."
    those = "the newest" if facets.more else "them"
    number = "all" if facets.failed == facets.looked_at else words.count(facets.failed)
    failed = f", {number} of {those} failed" if facets.failed else ""
    return f"{more}{steps} match{failed}."


def _order_note(facets: Facets, page: HitPage) -> markup.Markup:
    # Not on the pills: what these say is in the address, and numbers change.
    kinds = ", ".join(f"{words.count(number)} {kind}" for kind, number in facets.kinds.items())
    note = f"By kind: {kinds}. {_ORDER}" if len(facets.kinds) > 1 else _ORDER
    if page.behind:
        note += f"; {words.to_be_indexed(page.behind)}"
    return markup.muted(f"{note}.")


def _passages(page: HitPage) -> Iterator[markup.Markup]:
    now, zone = time.time_ns(), words.zone(st.context.timezone)
    for passage in page.passages:
        hit = passage.first
        link = trace_url(hit.trace_id, hit.span_id)
        yield markup.passage(passage, link, words.moment(hit.start_ns, zone, now))
