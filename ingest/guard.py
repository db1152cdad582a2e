"""Check who may talk to us: the Host of every request, and the Origin of those with effects.

Any page in a browser can send requests to this machine, but can't forge these headers: a foreign
site has a foreign Origin, and one that rebinds its name to our address a foreign Host. Pages of
this machine's other servers may send OTLP only (clustertrace.ingest.cors). Other machines, if we
listen to them at all, need a key (clustertrace.ingest.admission). Behind a proxy everybody does,
because its requests look like this machine's own.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clustertrace.ingest.admission import from_here
from clustertrace.ingest.admission import refusal as without_key
from clustertrace.ingest.cors import cors_headers, is_preflight, local_page
from clustertrace.keys import new_key
from clustertrace.telling.addresses import PublicAddress, loopback

__all__ = ["Guard"]

HEALTH: Final = "/healthz"

_MAX_PORT_DIGITS: Final = 5
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_CONTENT_POLICY: Final = (
    "default-src 'self'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "  # charts compile expressions
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; "
    "font-src 'self' data:; "
    "media-src 'self' data: blob:; "
    "connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; "
    "frame-src 'self' data: blob:; "
    "frame-ancestors 'self'; "
    "base-uri 'self'; "
    "form-action 'self'; "
    "object-src 'none'"
)

SECURITY_HEADERS: Final = {
    "content-security-policy": _CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
}


class Guard:
    """Wraps an application, websockets included, that listens on `host` and `port`.

    `key` is required from other machines; without one they are refused. `public` is our address
    behind a proxy.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        key: str | None = None,
        public: PublicAddress | None = None,
    ) -> None:
        self._app = app
        self._public = public
        self._port = port
        self._key = key
        self._is_public = not loopback(host)
        names = {"localhost", "127.0.0.1", "[::1]"}
        if self._is_public:
            hostname = socket.gethostname().lower()
            names |= {hostname, f"{hostname}.local"}
            if host not in ("0.0.0.0", "::"):
                names.add(f"[{host}]" if ":" in host else host.lower())
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or refuse it with the reason."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        page = local_page(scope["path"], headers) if scope["type"] == "http" else None
        refusal = self._refusal(scope, headers, page)
        guarded = _with_security_headers(send, cors_headers(page, headers) if page else {})
        if refusal is None and page and is_preflight(scope["method"], headers):
            await Response(status_code=204)(scope, receive, guarded)
        elif refusal is None:
            await self._app(scope, receive, guarded)
        elif scope["type"] == "http":
            await refusal(scope, receive, guarded)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})

    def _refusal(self, scope: Scope, headers: Headers, page: str | None) -> Response | None:
        host = headers.get("host", "")
        proxied = self._public is not None and host.lower() in self._public.hosts
        if len(headers.getlist("host")) != 1 or not (proxied or self._is_our_host(host)):
            known = self._public.origin if self._public else f"http://localhost:{self._port}"
            return PlainTextResponse(
                f"This is clustertrace, which answers to {known} and not to "
                f"the host {host[:100]!r}; use that address.\n",
                421,
            )
        if "content-length" in headers and "transfer-encoding" in headers:
            # A proxy in front of us may go by the other one, which allows request smuggling.
            return PlainTextResponse(
                "The body's length is given in two ways; send one of them.\n",
                400,
                {"connection": "close"},
            )
        has_effects = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        origins = [origin for origin in headers.getlist("origin") if origin != page]
        if has_effects and not all(self._own_origin(origin) for origin in origins):
            return PlainTextResponse(
                f"A page of {origins[0][:100]!r} may not do this: only clustertrace's own pages, "
                "and programs other than browsers, may.\n",
                403,
            )
        if self._needs_key(scope, headers):
            encrypted = self._public is not None and self._public.origin.startswith("https:")
            key = self._key or new_key()
            return without_key(scope, headers, key, encrypted=proxied and encrypted)
        return None

    def _needs_key(self, scope: Scope, headers: Headers) -> bool:
        if self._public is None:
            return self._is_public and not from_here(scope, headers)
        # The command that supervises us checks our health without a key.
        return scope["path"] != HEALTH or not from_here(scope, headers)

    def _own_origin(self, origin: str) -> bool:
        if self._public is not None and origin == self._public.origin:
            return True
        scheme, separator, host = origin.partition("://")
        return bool(separator) and scheme == "http" and self._is_our_host(host)

    def _is_our_host(self, host: str) -> bool:
        name, port = _split_host(host.lower())
        if port != self._port:
            return False
        return name in self._names or (self._is_public and _is_address(name))


def _split_host(host: str) -> tuple[str, int]:
    """Name and port; browsers leave out the default port, and others may send anything."""
    name, separator, port = host.rpartition(":")
    if separator and port.isascii() and port.isdigit() and len(port) <= _MAX_PORT_DIGITS:
        return name, int(port)
    return host, 80


def _is_address(name: str) -> bool:
    """Whether a host is an IP address, which can't be rebound like a name."""
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _with_security_headers(send: Send, cors: Mapping[str, str]) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            # Who may read a response is decided here, whatever the pages' server says.
            for name in [name for name in headers if name.startswith("access-control-")]:
                del headers[name]
            headers.update(cors)
        await send(message)

    return guarded
