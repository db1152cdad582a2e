"""Addresses of the pages, relative to where they are served, and of the receiver."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

from clustertrace.errors import UsageError

__all__ = [
    "FILTER",
    "HOME",
    "PublicAddress",
    "loopback",
    "pattern_url",
    "public_address",
    "review_url",
    "session_url",
    "trace_url",
    "traces_url",
    "url",
]

FILTER: Final = "where"
"""The parameter of an address with a filter; if it is repeated, all filters must hold."""

HOME: Final = "http://localhost:7777"
"""Where the pages are by default."""


def loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class PublicAddress(NamedTuple):
    """The public address of a receiver behind a proxy."""

    origin: str
    """As in browsers: in lower case, without the default port."""
    hosts: frozenset[str]
    """The hosts that requests may name."""


def public_address(text: str) -> PublicAddress:
    """Parse a public address. Raises UsageError unless it is a scheme and a host."""
    try:
        parts = urlsplit(text.strip())
        default_port = {"http": 80, "https": 443}[parts.scheme]
        port = parts.port or default_port
    except (ValueError, KeyError):
        parts, default_port, port = urlsplit(""), 0, 0
    name = parts.hostname or ""
    if not name or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise UsageError(
            f"{text[:100]!r} is not an address that others can reach this at; give only a scheme "
            "and a host, such as https://traces.example.com."
        )
    name = f"[{name}]" if ":" in name else name
    hosts = {f"{name}:{port}"} | ({name} if port == default_port else set())
    return PublicAddress(f"{parts.scheme}://{min(hosts, key=len)}", frozenset(hosts))


def url(page: str, params: Mapping[str, str] | None = None) -> str:
    """The address of a page; empty parameters are left out."""
    query = urlencode({name: value for name, value in (params or {}).items() if value})
    return f"/{page}?{query}" if query else f"/{page}"


def trace_url(trace_id: str, span_id: str = "") -> str:
    """The page of one trace, with one of its spans open."""
    return url("trace", {"id": trace_id, "span": span_id})


def pattern_url(pattern: str) -> str:
    """The page of one pattern."""
    return url("pattern", {"id": pattern})


def review_url(week: str = "") -> str:
    """The review of the week with a date, or of the last seven days."""
    return url("review", {"week": week})


def session_url(session_id: str = "") -> str:
    """The page of a session, or the list of sessions."""
    return url("sessions", {"id": session_id})


def traces_url(*filters: str) -> str:
    """The list of traces that match all of these filters (docs/filters.md)."""
    query = urlencode([(FILTER, condition) for condition in filters if condition])
    return f"/?{query}" if query else "/"
