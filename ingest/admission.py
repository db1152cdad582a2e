"""Require a key from other machines; requests from this one need none, unless behind a proxy.

Programs send it as `Authorization: Bearer KEY`. A browser opens `/?key=KEY` once: it gets a cookie
and is redirected to the address without the key, which keeps it out of history and bookmarks.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from clustertrace.keys import bearer

__all__ = ["from_here", "refusal"]

_PARAMETER: Final = "key"
_A_MONTH: Final = 30 * 86_400
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")


def from_here(scope: Mapping[str, Any], headers: Headers) -> bool:
    """Whether a request comes from this machine, and not through a proxy on it."""
    client, server = scope.get("client"), scope.get("server")
    if client is None or any(name in headers for name in _FORWARDED):
        return False
    try:
        if ipaddress.ip_address(client[0]).is_loopback:
            return True
    except ValueError:
        return False
    return server is not None and client[0] == server[0]


def refusal(
    scope: Mapping[str, Any], headers: Headers, key: str, *, encrypted: bool = False
) -> Response | None:
    """None for a request with the key, else the response to send instead.

    `encrypted` restricts the cookie to connections with TLS.
    """
    cookie = f"clustertrace-{scope['server'][1] if scope.get('server') else 0}"
    authorization = headers.get("authorization", "")
    if _same(authorization, bearer(key)) or _same(_cookies(headers).get(cookie, ""), key):
        return None
    parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    is_page_request = scope["type"] == "http" and scope["method"] == "GET"
    if is_page_request and any(
        name == _PARAMETER and _same(value, key) for name, value in parameters
    ):
        rest = urlencode([(name, value) for name, value in parameters if name != _PARAMETER])
        # A path that starts with two slashes would lead to another host.
        path = "/" + quote(scope["path"].lstrip("/"))
        answer = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
        answer.set_cookie(
            cookie, key, max_age=_A_MONTH, httponly=True, samesite="lax", secure=encrypted
        )
        return answer
    return PlainTextResponse(
        "This clustertrace asks for its key: open /?key=KEY once, or send Authorization: Bearer "
        "KEY. `clustertrace dashboard` says, where it was started, what or where the key is.\n",
        401,
        {"WWW-Authenticate": "Bearer"},
    )


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())


def _cookies(headers: Headers) -> dict[str, str]:
    try:
        return {
            name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()
        }
    except CookieError:
        return {}
