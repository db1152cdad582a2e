"""Addresses: of the pages, below wherever they are served, and of machines."""

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
"""The parameter of an address that holds a filter, or several that must all hold."""

HOME: Final = "http://localhost:7777"
"""Where the pages are unless the user chose another port."""


def loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class PublicAddress(NamedTuple):
    """Where others reach a receiver that a proxy stands in front of."""

    origin: str
    """As a browser names it: without the usual port, in lower case."""
    hosts: frozenset[str]
    """What requests may name as their host."""


def public_address(text: str) -> PublicAddress:
    """The address that a user gave. Raises UsageError unless it is a scheme and a host."""
    try:
        told = urlsplit(text.strip())
        usual = {"http": 80, "https": 443}[told.scheme]
        port = told.port or usual
    except (ValueError, KeyError):
        told, usual, port = urlsplit(""), 0, 0
    name = told.hostname or ""
    if not name or told.path not in ("", "/") or told.query or told.fragment or told.username:
        raise UsageError(
            f"{text[:100]!r} is not an address that others can reach this at; give only a scheme "
            "and a host, such as https://traces.example.com."
        )
    name = f"[{name}]" if ":" in name else name
    hosts = {f"{name}:{port}"} | ({name} if port == usual else set())
    return PublicAddress(f"{told.scheme}://{min(hosts, key=len)}", frozenset(hosts))


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


def review_url(week: str = "") -> str:
    """The review of the week that a date is in, or of the last seven days."""
    return url("review", {"week": week})


def session_url(session_id: str = "") -> str:
    """A session with its turns, or the list of all."""
    return url("sessions", {"id": session_id})


def traces_url(*filters: str) -> str:
    """The list of traces that all of these filters match (docs/filters.md)."""
    given = urlencode([(FILTER, one) for one in filters if one])
    return f"/?{given}" if given else "/"
