"""A list of traces as a table: sorted and cut in the database, a click leads to the trace."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final

import streamlit as st

from clustertrace.app import connection, markup, words
from clustertrace.app.links import follow, follower, pattern_url, trace_url
from clustertrace.store import queries
from clustertrace.store.answers import TraceFilter, TracePage, TraceRow
from clustertrace.store.queries import TraceOrder

__all__ = ["columns", "show"]

_ROWS: Final = 50
_CLICKS: Final = "clicks on titles"
_ORDERS: Final[Mapping[str, TraceOrder]] = {
    "name": "name",
    "started": "start_ns",
    "took": "duration_ns",
    "cost": "cost_usd",
    "spans": "span_count",
}
"""Columns that the database can sort by."""

_TITLES: Final = {
    "state": "State",
    "name": "Name",
    "prompt": "First prompt",
    "pattern": "Pattern",
    "started": "Started",
    "took": "Took",
    "tokens": "Tokens in → out",
    "cost": "Cost",
    "spans": "Spans",
    "errors": "Errors",
    "tags": "Tags",
}
_COLOURS: Final = {"failed": "red", "uncertain": "orange", "good": "gray", "plain": "gray"}


def show(where: TraceFilter, nothing: str) -> None:
    """Draw the traces that match, or the sentence `nothing`."""
    order, descending = _order()
    # The number of pages is not known before the query, nor the query without the page.
    found = _fetch(where, order, descending, _number())
    if found.total and not found.rows:
        found = _fetch(where, order, descending, 1)
    _above(found, max(1, -(-found.total // _ROWS)))
    if found.rows:
        _table(found.rows, order, descending)
    else:
        st.html(markup.notice(nothing))


def _number() -> int:
    """The page that is asked for: by its widget, which is drawn later, or by the address."""
    asked = st.session_state.get("page") or st.query_params.get("page", "")
    return max(1, int(asked)) if str(asked).isdecimal() else 1


def _fetch(where: TraceFilter, order: str, descending: bool, number: int) -> TracePage:
    with connection.read() as conn:
        return queries.traces(
            conn,
            where,
            order=_ORDERS[order],
            descending=descending,
            limit=_ROWS,
            offset=(number - 1) * _ROWS,
        )


def _above(found: TracePage, pages: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(markup.page(markup.facts(markup.fact(words.count(found.total), "traces"))))
        if pages > 1:
            st.pagination(pages, key="page", bind="query-params")


def _order() -> tuple[str, bool]:
    order = st.query_params.get("sort", "started")
    return order if order in _ORDERS else "started", st.query_params.get("way") != "up"


def _table(rows: Sequence[TraceRow], order: str, descending: bool) -> None:
    where, now = words.zone(st.context.timezone), time.time_ns()
    # A title that was clicked stays selected; a table with a new key has nothing selected.
    key = f"traces {st.session_state.get(_CLICKS, 0)}"
    follower()
    st.dataframe(
        columns(rows, where, now),
        key=key,
        column_config=_config(order, descending),
        hide_index=True,
        height="content",
        selection_mode=["single-cell", "single-column"],
        on_select=lambda: _picked(st.session_state[key].selection, rows, order, descending),
        alt="Traces",
    )


def _picked(selection: Any, rows: Sequence[TraceRow], order: str, descending: bool) -> None:
    """A click on a cell leads to its trace or pattern, one on a title sorts."""
    if selection.cells:
        at, column = selection.cells[0]
        row = rows[at]
        if column == "pattern" and row.variant:
            follow(pattern_url(row.variant))
        else:
            follow(trace_url(row.trace_id))
    elif selection.columns:
        st.session_state[_CLICKS] = st.session_state.get(_CLICKS, 0) + 1
        column = selection.columns[0]
        if column in _ORDERS:
            st.query_params["sort"] = column
            st.query_params["way"] = "up" if column == order and descending else "down"


def columns(rows: Sequence[TraceRow], where: tzinfo, now_ns: int) -> dict[str, list[Any]]:
    """What the table shows, column by column."""
    return {
        "state": [[words.state(row.outcome, row.status).label] for row in rows],
        "name": [row.name or "(no name)" for row in rows],
        "prompt": [row.first_prompt or "" for row in rows],
        "pattern": [(row.variant or "")[:6] for row in rows],
        "started": [words.moment(row.start_ns, where, now_ns) for row in rows],
        "took": [words.duration(row.duration_ns) for row in rows],
        "tokens": [_tokens(row) for row in rows],
        "cost": [_cost(row) for row in rows],
        "spans": [row.span_count for row in rows],
        "errors": [
            f"{row.error_count} · {row.error or ''}" if row.error_count else "" for row in rows
        ],
        "tags": [[f"{key}: {value}" for key, value in row.tags.items()] for row in rows],
    }


def _cost(row: TraceRow) -> str:
    return words.cost(row.cost_usd, row.unpriced_calls) if row.cost_usd or row.llm_calls else ""


def _tokens(row: TraceRow) -> str:
    if not row.input_tokens and not row.output_tokens:
        return ""
    return f"{words.short_count(row.input_tokens)} → {words.short_count(row.output_tokens)}"


def _config(order: str, descending: bool) -> dict[str, Any]:
    arrow = " ↓" if descending else " ↑"
    titles = {name: title + arrow if name == order else title for name, title in _TITLES.items()}
    states = words.states()
    column = st.column_config
    config: dict[str, Any] = {
        "state": column.MultiselectColumn(
            titles["state"],
            width=105,
            options=[state.label for state in states],
            color=[_COLOURS[state.tone] for state in states],
        ),
        "name": column.TextColumn(titles["name"], width=120),
        "prompt": column.TextColumn(titles["prompt"], width=300),
        "errors": column.TextColumn(titles["errors"], width=180),
        "tags": column.ListColumn(titles["tags"], width=260),
        "spans": column.NumberColumn(titles["spans"], width=65),
        "pattern": column.TextColumn(
            titles["pattern"], width=80, help="A click here opens the pattern."
        ),
    }
    for name, width in {"started": 110, "took": 85, "tokens": 130, "cost": 95}.items():
        config[name] = column.TextColumn(titles[name], width=width, alignment="right")
    return config
