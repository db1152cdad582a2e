"""The filter bar: conditions in the filter language, completed while they are typed.

Each condition is a chip, and stands in the address as a `q` of its own; all of them must hold.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import streamlit as st

from clustertrace.app import connection, markup
from clustertrace.filters import Filter, FilterError, condition, parse
from clustertrace.filters.syntax import NUMBERS, TEXTS
from clustertrace.filters.tree import And
from clustertrace.store import queries

__all__ = ["PARAMETER", "Asked", "asked", "bar"]

PARAMETER: Final = "q"
"""The name in the address."""

_COMMON: Final = (
    *("failed:yes", "failed:no", "outcome:fail", "outcome:pass", "outcome:none"),
    *("status:error", "status:running", "status:incomplete", "starred:yes"),
    *("since:1h", "since:1d", "since:7d", "since:30d"),
    *("cost>0.10", "duration>10s", "tokens>10k", "errors>0", "calls>10"),
)
_NAMES: Final = 30
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


def bar() -> Asked | None:
    """Draw the bar. None where it can't be read: the place is shown then."""
    typed = st.multiselect(
        "Filter",
        _suggestions(str(connection.path())),
        key=PARAMETER,
        bind="query-params",
        accept_new_options=True,
        placeholder="All traces; pick a condition or type one, such as cost>0.10 or has(search)",
        help=_HELP,
        wrap=True,
    )
    try:
        return asked(*typed)
    except FilterError as error:
        wrong = next(one for one in typed if not _readable(one))
        st.html(markup.page(markup.pointed(str(error), wrong, error.position)))
        return None


def asked(*texts: str) -> Asked:
    """What filters ask for. Raises FilterError."""
    said = tuple(text.strip() for text in texts if text.strip())
    parts = tuple(parse(text) for text in said)
    return Asked(And(parts) if parts else None, said)


def _readable(text: str) -> bool:
    try:
        parse(text)
    except FilterError:
        return False
    return True


@st.cache_data(ttl=30, show_spinner=False)
def _suggestions(_path: str) -> list[str]:
    """Conditions to pick from: common ones, names, tags."""
    with connection.read() as conn:
        return [
            *_COMMON,
            *(condition("name", name) for name in queries.names(conn, _NAMES)),
            *(
                condition(f"tag.{key}", value)
                for key in queries.tag_keys(conn, _TAG_KEYS)
                for value in queries.tag_values(conn, key, _TAG_VALUES)
            ),
        ]
