"""The filter bar: conditions in the filter language, completed while they are typed.

Each condition is a chip, and stands in the address as a `where` of its own; all of them must hold.
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

__all__ = ["Asked", "asked", "bar", "current"]

_COMMON: Final = (
    *("failed:yes", "failed:no", "outcome:fail", "outcome:pass", "outcome:none"),
    *("status:error", "status:running", "status:incomplete", "starred:yes"),
    *("since:1h", "since:1d", "since:7d", "since:30d"),
    *("cost>0.10", "duration>10s", "tokens>10k", "errors>0", "calls>10"),
)
_NAMES: Final = 30
_MODELS: Final = 20
_TAG_KEYS: Final = 20
_TAG_VALUES: Final = 30

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


class Asked(NamedTuple):
    """Which traces are asked for."""

    where: Filter | None
    """None: every one."""
    texts: tuple[str, ...]
    """As they were written: all must hold."""


def bar(*, export: bool) -> None:
    """Draw the bar, unless there is nothing to filter yet; with a menu to `export` what it leaves.

    The shell does this for all pages that have one: a widget that belonged to one page would lose
    its value on the way to another.
    """
    with connection.read() as conn:
        if not queries.has_traces(conn):
            return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.multiselect(
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
        saved_filters.menu(tuple(typed))
        if export and (said := current()):
            downloads.menu(said)
    for text in typed:
        try:
            parse(text)
        except FilterError as error:
            st.html(markup.page(markup.pointed(str(error), text, error.position)))


def current() -> Asked | None:
    """What the bar asks for; None where it can't be read, and the bar has said why."""
    try:
        return asked(*st.session_state.get(FILTER, ()))
    except FilterError:
        return None


def asked(*texts: str) -> Asked:
    """What filters ask for. Raises FilterError."""
    said = tuple(text.strip() for text in texts if text.strip())
    parts = tuple(parse(text) for text in said)
    return Asked(And(parts) if parts else None, said)


@st.cache_data(ttl=30, show_spinner=False)
def _suggestions(path: str) -> list[str]:
    """Conditions to pick from in the database at `path`: common ones, names, models, tags."""
    with connection.read() as conn:
        return [
            *_COMMON,
            *(condition("name", name) for name in queries.names(conn, _NAMES)),
            *(condition("model", model) for model in queries.models(conn, _MODELS)),
            *(
                condition(f"tag.{key}", value)
                for key in queries.tag_keys(conn, _TAG_KEYS)
                for value in queries.tag_values(conn, key, _TAG_VALUES)
            ),
        ]
