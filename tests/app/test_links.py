"""Addresses of the pages."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.app import links


def test_pages_have_short_addresses() -> None:
    """An address names its page and what it shows."""
    assert links.trace_url("ab") == "/trace?id=ab"
    assert links.trace_url("ab", "cd") == "/trace?id=ab&span=cd"
    assert links.pattern_url("ab") == "/pattern?id=ab"
    assert links.traces_url() == "/"
    assert links.traces_url("failed:yes", "", "since:7d") == "/?where=failed%3Ayes&where=since%3A7d"


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_any_text_survives_in_an_address(text: str) -> None:
    """Tags and sessions are the user's words; none of them can reach another page."""
    address = urlsplit(links.traces_url(text))
    assert (address.netloc, address.path) == ("", "/")
    assert parse_qs(address.query, keep_blank_values=True) == {"where": [text]}
