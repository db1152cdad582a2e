"""The front door: a proxy that passes requests and websockets to the pages' private port.

No proxy library for ASGI supports repeated headers (cookies), any size, and the websocket's
subprotocol alike; with httpx's transport and websockets it takes little code. The transport, unlike
httpx's client, follows no redirects, keeps no cookies and reads no proxy settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from clustertrace.ingest import first_page
from clustertrace.ingest.clicks import is_user_action
from clustertrace.keys import DOOR_HEADER

if TYPE_CHECKING:
    import httpx
    from websockets.asyncio.client import ClientConnection

__all__ = ["Door"]

Headers = list[tuple[bytes, bytes]]

_HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer "
    b"transfer-encoding upgrade".split()
)
_REPLACED_HEADERS: Final = frozenset([b"host", b"origin", b"expect", DOOR_HEADER.encode()])
"""Headers that are replaced: the upstream must not trust a request by its origin."""

_IDLE_SECONDS: Final = 2.0
"""How long an idle connection to the upstream is kept; the upstream closes it after five."""

_RETRIED_METHODS: Final = frozenset(["GET", "HEAD"])
"""Methods that change nothing, so that they can be sent twice."""

_REWRITE_OMITS: Final = frozenset(
    [b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"]
)
"""Omitted if the response will be rewritten, which has to come complete and uncompressed."""

_HANDSHAKE: Final = frozenset(
    b"sec-websocket-" + part for part in (b"key", b"version", b"extensions", b"protocol")
)

_STREAMLIT_PATH: Final = "/_stcore/"
"""The path of Streamlit's own endpoints, which people don't open."""

_STARTING_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>clustertrace is starting</title><meta http-equiv="refresh" content="1">
<link rel="icon" href="data:,"><meta name="color-scheme" content="light dark">
<style>body{font:16px system-ui,sans-serif;display:grid;place-items:center;height:90vh;margin:0}
p{opacity:.7}</style></head><body><div><h1>clustertrace is starting</h1>
<p>The pages will be here in a few seconds. Spans are being received already.</p></div></body>
</html>
"""


class Door:
    """An ASGI application in front of the server on `127.0.0.1:port()`, None while that is down.

    `visited` is called whenever a page is opened or used; `key` is the key for the upstream.
    """

    def __init__(
        self,
        port: Callable[[], int | None],
        visited: Callable[[], None] = lambda: None,
        key: str = "",
    ) -> None:
        self._port = port
        self._key = key
        self._visited = visited
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request or a websocket."""
        # An open page calls those again and again, even if nobody looks at it.
        if scope["type"] == "http" and not scope["path"].startswith(_STREAMLIT_PATH):
            self._visited()
        port = self._port()
        if scope["type"] == "websocket":
            await self._websocket(WebSocket(scope, receive, send), port)
        elif port is None:
            await _starting_page(scope)(scope, receive, send)
        else:
            await self._http(Request(scope, receive), port, send)

    async def close(self) -> None:
        """Close the connections to the upstream."""
        if self._transport is not None:
            await self._transport.aclose()

    async def _http(self, request: Request, port: int, send: Send) -> None:
        import httpx

        if self._transport is None:
            self._transport = httpx.AsyncHTTPTransport(
                limits=httpx.Limits(max_connections=None, keepalive_expiry=_IDLE_SECONDS),
                trust_env=False,
            )
        scope = request.scope
        is_first_page = first_page.is_requested(request.method, scope["path"], request.headers.raw)
        omitted = _REWRITE_OMITS if is_first_page else frozenset[bytes]()
        outgoing = _forwarded_request(request, port, self._key, omitted)
        try:
            response = await _upstream_response(self._transport, outgoing)
        except httpx.TransportError:
            await _starting_page(scope)(scope, request.receive, send)
            return
        except ClientDisconnect:
            return
        try:
            headers = _returned_headers(response)
            chunks = cast("AsyncIterable[bytes]", response.stream)
            if is_first_page and response.status_code == 200:
                headers, body = first_page.rewritten(headers, await response.aread())
                chunks = _single_chunk(body)
            await _send_response(send, response.status_code, headers, chunks)
        except httpx.TransportError:
            # Too late for an error: the unfinished response tells the client.
            return
        finally:
            await response.aclose()

    async def _websocket(self, websocket: WebSocket, port: int | None) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException
        from websockets.typing import Origin, Subprotocol

        if port is None:
            await websocket.close(1013)
            return
        scope = websocket.scope
        query = scope["query_string"].decode("latin-1")
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in websocket.headers.raw
            if name not in _HOP_BY_HOP | _REPLACED_HEADERS | _HANDSHAKE
        ]
        headers.append((DOOR_HEADER, self._key))
        try:
            upstream = await connect(
                f"ws://127.0.0.1:{port}{scope['raw_path'].decode('latin-1')}"
                + (f"?{query}" if query else ""),
                origin=Origin(f"http://127.0.0.1:{port}"),
                subprotocols=[Subprotocol(name) for name in scope["subprotocols"]] or None,
                additional_headers=headers,
                user_agent_header=None,
                compression=None,
                proxy=None,
                max_size=None,
                ping_interval=None,
            )
        except (OSError, WebSocketException, TimeoutError):
            await websocket.close(1013)
            return
        async with upstream:
            await websocket.accept(upstream.subprotocol)
            await _relay_both_ways(websocket, upstream, self._visited)


def _starting_page(scope: Scope) -> Response:
    headers = {"Retry-After": "1", "Cache-Control": "no-store"}
    if scope["method"] in ("GET", "HEAD"):
        return HTMLResponse(_STARTING_PAGE, 503, headers)
    return PlainTextResponse("The pages are starting; try again in a moment.\n", 503, headers)


def _forwarded_request(
    request: Request, port: int, key: str, omitted: Collection[bytes]
) -> httpx.Request:
    """The request for the upstream, without the `omitted` headers; its body is not read yet."""
    import httpx

    scope = request.scope
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return httpx.Request(
        request.method,
        httpx.URL(scheme="http", host="127.0.0.1", port=port, raw_path=scope["raw_path"] + query),
        headers=_forwarded_headers(request.headers.raw, f"127.0.0.1:{port}".encode(), key, omitted),
        content=_request_body(request),
    )


def _returned_headers(response: httpx.Response) -> Headers:
    return [
        (name.lower(), value)
        for name, value in response.headers.raw
        if name.lower() not in _HOP_BY_HOP
    ]


async def _send_response(
    send: Send, status: int, headers: Headers, chunks: AsyncIterable[bytes]
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _upstream_response(
    transport: httpx.AsyncHTTPTransport, outgoing: httpx.Request
) -> httpx.Response:
    """The upstream's response. Raises httpx.TransportError if there is none."""
    import httpx

    try:
        return await transport.handle_async_request(outgoing)
    except httpx.TransportError:
        has_plain_body = isinstance(outgoing.stream, httpx.ByteStream)
        if outgoing.method not in _RETRIED_METHODS or not has_plain_body:
            raise
    # It closed the idle connection just as this was sent; a new one will work.
    return await transport.handle_async_request(outgoing)


async def _single_chunk(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _forwarded_headers(
    headers: Iterable[tuple[bytes, bytes]],
    upstream: bytes,
    key: str,
    omitted: Collection[bytes],
) -> Headers:
    """The headers for the upstream: in order, with repeated ones."""
    forwarded = [(b"host", upstream), (DOOR_HEADER.encode(), key.encode())]
    for name, value in headers:
        if name == b"origin":
            forwarded.append((name, b"http://" + upstream))
        elif name not in _HOP_BY_HOP and name not in _REPLACED_HEADERS and name not in omitted:
            forwarded.append((name, value))
    return forwarded


def _request_body(request: Request) -> AsyncIterator[bytes] | None:
    headers = request.headers
    if "content-length" in headers or "transfer-encoding" in headers:
        return request.stream()
    return None


async def _relay_both_ways(
    websocket: WebSocket, upstream: ClientConnection, visited: Callable[[], None]
) -> None:
    """Carry messages until either side closes, then close the other in the same way."""
    tasks = {
        asyncio.create_task(_to_upstream(websocket, upstream, visited)),
        asyncio.create_task(_to_client(websocket, upstream)),
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _to_upstream(
    websocket: WebSocket, upstream: ClientConnection, visited: Callable[[], None]
) -> None:
    from websockets.exceptions import ConnectionClosed

    with suppress(ConnectionClosed):
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                await upstream.close(_sendable_code(message.get("code")))
                return
            text = message.get("text")
            if text is None and is_user_action(message["bytes"]):
                visited()
            await upstream.send(message["bytes"] if text is None else text)


async def _to_client(websocket: WebSocket, upstream: ClientConnection) -> None:
    from websockets.exceptions import ConnectionClosed

    # A client that is gone is handled by the other direction.
    with suppress(WebSocketDisconnect, RuntimeError):
        with suppress(ConnectionClosed):
            async for message in upstream:
                if isinstance(message, str):
                    await websocket.send_text(message)
                else:
                    await websocket.send_bytes(message)
        await websocket.close(_sendable_code(upstream.close_code), upstream.close_reason or "")


def _sendable_code(code: int | None) -> int:
    """A close code that may be sent: some only describe how a connection was lost."""
    return 1000 if code is None or code in (1005, 1006, 1015) else code
