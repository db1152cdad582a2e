"""The filter bar above a list of traces; every choice stands in the address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import streamlit as st

from clustertrace.app import connection
from clustertrace.store import queries
from clustertrace.store.answers import TraceFilter

__all__ = ["STATES", "bar", "fixed"]

STATES: Final[Mapping[str, TraceFilter]] = {
    "any state": TraceFilter(),
    "failed": TraceFilter(failed=True),
    "failed by outcome": TraceFilter(outcome="fail"),
    "failed by error": TraceFilter(failed=True, outcome="unknown"),
    "not failed": TraceFilter(failed=False),
    "running": TraceFilter(status="running"),
    "incomplete": TraceFilter(status="incomplete"),
}

_SINCE: Final[Mapping[str, int]] = {
    "any time": 0,
    "last hour": 3_600,
    "last day": 86_400,
    "last week": 7 * 86_400,
    "last month": 30 * 86_400,
}
"""Seconds back from now."""

_TAG_KEYS: Final = 20
_TAG_VALUES: Final = 50
_SIGN: Final = " = "


def bar() -> TraceFilter:
    """Draw the bar; what it says together with the pattern or session in the address."""
    state, name, tag, since = st.columns([1, 1.6, 1.6, 1])
    with state:
        chosen = st.selectbox("State", list(STATES), key="state", bind="query-params")
    with name:
        typed = st.text_input(
            "Name contains", key="name", type="search", bind="query-params", live=True
        )
    with tag:
        tagged = st.selectbox(
            "Tag",
            _tags(),
            index=None,
            key="tag",
            bind="query-params",
            placeholder="any; or type key = value",
            accept_new_options=True,
        )
    with since:
        back = _SINCE[st.selectbox("Started", list(_SINCE), key="since", bind="query-params")]
    key, sign, value = (tagged or "").partition(_SIGN if _SIGN in (tagged or "") else "=")
    return replace(
        fixed(STATES[chosen]),
        name=(typed or "").strip() or None,
        tag=(key.strip(), value.strip()) if sign else None,
        # To the minute, so that the question stays the same from one look to the next.
        since_ns=(int(time.time()) // 60 * 60 - back) * 10**9 if back else None,
    )


def fixed(where: TraceFilter) -> TraceFilter:
    """The filter with what only links set: a pattern or a session."""
    return replace(
        where,
        variant=st.query_params.get("pattern") or None,
        session=st.query_params.get("session") or None,
    )


@st.cache_data(ttl=30, show_spinner=False)
def _tags() -> list[str]:
    with connection.read() as conn:
        return [
            f"{key}{_SIGN}{value}"
            for key in queries.tag_keys(conn)[:_TAG_KEYS]
            for value in queries.tag_values(conn, key, _TAG_VALUES)
        ]
