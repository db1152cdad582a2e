"""The same server over Streamable HTTP, on loopback, for whoever has the token."""

from __future__ import annotations

import hmac
import socket
from collections.abc import Callable
from typing import Any, Final

from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from clustertrace.errors import ServeError
from clustertrace.keys import bearer

__all__ = ["PATH", "application", "serve"]

PATH: Final = "/mcp"


def application(mcp_server: MCPServer[Any], port: int, token: str) -> ASGIApp:
    """The server as an ASGI application: it checks token, Host and Origin of each request."""
    names = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    mcp_app = mcp_server.streamable_http_app(
        streamable_http_path=PATH,
        transport_security=TransportSecuritySettings(
            allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
        ),
    )
    expected = bearer(token).encode()

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        authorization = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] == "http" and not hmac.compare_digest(authorization, expected):
            refusal = PlainTextResponse(
                "Send the token that clustertrace printed, as Authorization: Bearer TOKEN.\n",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
            await refusal(scope, receive, send)
        else:
            await mcp_app(scope, receive, send)

    return checked


def serve(
    mcp_server: MCPServer[Any], port: int, token: str, listening: Callable[[str], None]
) -> None:
    """Serve on 127.0.0.1 until asked to stop; `listening` is told the address.

    Port 0 takes a free one. Raises ServeError if the port can't be used.
    """
    import uvicorn

    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise ServeError(
            f"Port {port} can't be used ({error.strerror or error}); choose another with --http."
        ) from None
    bound_port = listener.getsockname()[1]
    listening(f"http://127.0.0.1:{bound_port}{PATH}")
    app = application(mcp_server, bound_port, token)
    config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])
