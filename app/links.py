"""Links between the pages that need no new page load.

A link is a plain `<a href>` that can be opened in a new tab or sent to somebody. A plain click is
caught in the browser and switches pages in the running session, which takes a tenth of the time of
a page load and keeps the back button working.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import streamlit as st

from clustertrace.telling.addresses import (
    FILTER,
    pattern_url,
    review_url,
    session_url,
    trace_url,
    traces_url,
    url,
)

__all__ = [
    "FILTER",
    "catch_clicks",
    "follow",
    "follower",
    "pattern_url",
    "review_url",
    "session_url",
    "trace_url",
    "traces_url",
    "url",
]

_NEXT: Final = "next address"

_GO: Final = """
// What the browser's own back button does: Streamlit reads the address and draws its page. One
// entry in the history, where st.switch_page with parameters leaves two, the first of them wrong.
function go(href) {
  history.pushState({}, '', href);
  window.dispatchEvent(new PopStateEvent('popstate'));
  window.scrollTo(0, 0);
  hold(location.pathname, location.search);
}

// A rerun of the page before, still under way, makes Streamlit 1.67 take the parameters of the new
// address for its own and clear them, while the new page is drawn with them. Until the user does
// something, the address stays as it was asked for.
function hold(path, asked) {
  if (!asked) return;
  const end = Date.now() + 5000;
  const timer = setInterval(() => {
    const lost = location.pathname === path && !location.search;
    if (lost) history.replaceState({}, '', path + asked);
    if (Date.now() > end || location.pathname !== path) stop();
  }, 50);
  const user = ['pointerdown', 'keydown', 'popstate'];
  const stop = () => {
    clearInterval(timer);
    for (const kind of user) window.removeEventListener(kind, stop, true);
  };
  for (const kind of user) window.addEventListener(kind, stop, true);
}
"""

_CATCH: Final = (
    _GO
    + """
// The navigation takes the filter along, to those pages that have one.
function carried(path, { filtered, parameter }) {
  if (!filtered.includes(path)) return '';
  const filters = new URLSearchParams(location.search).getAll(parameter);
  const kept = new URLSearchParams(filters.map((one) => [parameter, one])).toString();
  return kept && `?${kept}`;
}

export default function ({ data }) {
  const caught = (event) => {
    const link = event.composedPath().find((node) => node.tagName === 'A');
    const navigation = link?.dataset.testid === 'stTopNavLink';
    if (!link || link.origin !== location.origin || !(navigation || link.closest('.ct'))) return;
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (navigation) event.stopPropagation();
    go(link.pathname + (navigation ? carried(link.pathname, data) : link.search));
  };
  // The back and forward buttons; what `go` dispatches is not trusted.
  const moved = (event) => event.isTrusted && hold(location.pathname, location.search);
  document.addEventListener('click', caught, true);
  window.addEventListener('popstate', moved);
  return () => {
    document.removeEventListener('click', caught, true);
    window.removeEventListener('popstate', moved);
  };
}
"""
)

_FOLLOW: Final = (
    _GO
    + """
export default function ({ data }) {
  // Kept on the window, because this module is loaded again for every page.
  if (data.ticket > (window.clustertraceTicket ?? 0)) {
    window.clustertraceTicket = data.ticket;
    go(data.href);
  }
}
"""
)


@cache
def _component(name: str, js: str) -> Any:
    return st.components.v2.component(name, js=js)


def catch_clicks(filtered: Sequence[str]) -> None:
    """Make links switch pages without a page load.

    Navigation links to the addresses in `filtered` keep the filter of this page.
    """
    data = {"filtered": list(filtered), "parameter": FILTER}
    _component("clustertrace_catch", _CATCH)(key="catch clicks", data=data)


def follow(href: str) -> None:
    """For callbacks: go to an address, as if a link to it had been clicked."""
    st.session_state[_NEXT] = (href, time.time_ns() // 1_000_000)


def follower() -> None:
    """Carry out `follow`; must be drawn in the page or fragment of the callback."""
    href, ticket = st.session_state.get(_NEXT, ("", 0))
    _component("clustertrace_follow", _FOLLOW)(key="follow", data={"href": href, "ticket": ticket})
