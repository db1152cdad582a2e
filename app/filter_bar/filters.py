"""The filter bar: conditions in the filter language, with suggestions while the user types.

Each condition is a chip, and a `where` parameter of the address; all of them must hold.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import streamlit as st

from clustertrace.app import connection, markup
from clustertrace.app.filter_bar import downloads, saved_filters
from clustertrace.app.links import FILTER
from clustertrace.filters import Filter, FilterError, condition, parse
from clustertrace.filters.fields import NUMBERS, TEXTS
from clustertrace.filters.tree import And
from clustertrace.store import queries

__all__ = ["Query", "bar", "current", "query"]

_COMMON_CONDITIONS: Final = (
    *("failed:yes", "failed:no", "outcome:fail", "outcome:pass", "outcome:none"),
    *("status:error", "status:running", "status:incomplete", "starred:yes"),
    *("since:1h", "since:1d", "since:7d", "since:30d"),
    *("cost>0.10", "duration>10s", "tokens>10k", "errors>0", "calls>10"),
)
_MAX_NAMES: Final = 30
_MAX_MODELS: Final = 20
_MAX_TAG_KEYS: Final = 20
_MAX_TAG_VALUES: Final = 30

_HELP: Final = "\n".join(
    [
        "All conditions must hold. Pick one, or type your own and press Enter; `*` stands for "
        "anything, `or`, `not` and parentheses combine: `failed:yes or cost>1`.",
        "",
        *(f"- `{name}:` {meaning}" for name, meaning in TEXTS.items()),
        *(f"- `{name}>` {meaning}" for name, meaning in NUMBERS.items()),
        "- `tag.KEY:`, `metric.NAME>`, `since:7d`, `until:2025-11-23`",
        "- `has(search)`, `lacks(cite)`, `seq(search -> fetch! -> answer)`: steps, `!` failed",
        "- any other words: full text",
    ]
)


class Query(NamedTuple):
    """The traces that a page asks for."""

    where: Filter | None
    """None for all traces."""
    texts: tuple[str, ...]
    """The conditions as they were written; all must hold."""


def bar(*, export: bool) -> None:
    """Draw the bar, unless there are no traces yet; `export` adds a menu to download the matches.

    The shell draws it for all pages that have one: a widget that belongs to a page loses its value
    when the page changes.
    """
    with connection.read() as conn:
        if not queries.has_traces(conn):
            return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        conditions = st.multiselect(
            "Filter",
            _suggestions(connection.place()),
            key=FILTER,
            bind="query-params",
            accept_new_options=True,
            select_all=False,
            placeholder="All traces; pick a condition or type one, such as cost>0.10",
            help=_HELP,
            wrap=True,
        )
        saved_filters.menu(tuple(conditions))
        if export and (query := current()):
            downloads.menu(query)
    for text in conditions:
        try:
            parse(text)
        except FilterError as error:
            st.html(markup.page(markup.pointed(str(error), text, error.position)))


def current() -> Query | None:
    """The query of the bar; None if it is invalid, in which case the bar shows why."""
    try:
        return query(*st.session_state.get(FILTER, ()))
    except FilterError:
        return None


def query(*texts: str) -> Query:
    """The query for some conditions. Raises FilterError."""
    conditions = tuple(text.strip() for text in texts if text.strip())
    parsed = tuple(parse(text) for text in conditions)
    return Query(And(parsed) if parsed else None, conditions)


@st.cache_data(ttl=30, show_spinner=False)
def _suggestions(path: str) -> list[str]:
    """Conditions to pick from: common ones, and names, models and tags of this database."""
    with connection.read() as conn:
        return [
            *_COMMON_CONDITIONS,
            *(condition("name", name) for name in queries.names(conn, _MAX_NAMES)),
            *(condition("model", model) for model in queries.models(conn, _MAX_MODELS)),
            *(
                condition(f"tag.{key}", value)
                for key in queries.tag_keys(conn, _MAX_TAG_KEYS)
                for value in queries.tag_values(conn, key, _MAX_TAG_VALUES)
            ),
        ]
