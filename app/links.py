"""Addresses of the pages, and links between them that need no new page load.

A link is a plain `<a href>` that can be opened in a new tab or sent to somebody. A plain click on
it is caught in the browser and becomes a page switch of the running session, which takes a tenth
of the time of a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import streamlit as st

__all__ = ["catch_clicks", "follow", "pattern_url", "split", "trace_url", "traces_url", "url"]

_JS: Final = """
export default function ({ setTriggerValue }) {
  const caught = (event) => {
    const link = event.composedPath().find((node) => node.tagName === 'A');
    if (!link || link.origin !== location.origin || !link.closest('.ct')) return;
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    setTriggerValue('href', link.pathname + link.search);
  };
  document.addEventListener('click', caught, true);
  return () => document.removeEventListener('click', caught, true);
}
"""


def url(page: str, params: Mapping[str, str] | None = None) -> str:
    """The address of a page; empty parameters are left out."""
    given = {name: value for name, value in (params or {}).items() if value}
    return f"/{page}?{urlencode(given)}" if given else f"/{page}"


def trace_url(trace_id: str, span_id: str = "") -> str:
    """The page of one trace, with one of its spans open."""
    return url("trace", {"id": trace_id, "span": span_id})


def pattern_url(pattern: str) -> str:
    """The page of one pattern."""
    return url("pattern", {"id": pattern})


def traces_url(**filters: str) -> str:
    """The list of traces, filtered (see pages/traces.py for the names)."""
    return url("", filters)


def split(href: str) -> tuple[str, dict[str, str]]:
    """An address as a page's path and its parameters."""
    parts = urlsplit(href)
    return parts.path.strip("/"), dict(parse_qsl(parts.query))


@cache
def _catcher() -> Any:
    return st.components.v2.component("clustertrace_links", js=_JS)


def catch_clicks(pages: Mapping[str, Any]) -> None:
    """Follow a link that was clicked; `pages` by their paths."""
    st.session_state["pages"] = pages
    clicked = _catcher()(key="links", on_href_change=lambda: None).href
    if clicked:
        follow(clicked)


def follow(href: str) -> None:
    """Switch to the page of an address; nothing happens if there is no such page."""
    path, params = split(href)
    pages: Mapping[str, Any] = st.session_state.get("pages", {})
    if path in pages:
        st.switch_page(pages[path], query_params=params)
