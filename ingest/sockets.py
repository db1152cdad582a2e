"""Open the public port before anything slow is loaded, so that clients can already connect."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Final

from clustertrace.errors import ServeError
from clustertrace.telling.addresses import loopback

__all__ = ["BACKLOG", "listen"]

BACKLOG: Final = 512
"""How many connections may wait to be accepted."""

_KEEPALIVE_OPTIONS: Final = {
    "TCP_KEEPIDLE": 60,
    "TCP_KEEPALIVE": 60,  # the same on macOS
    "TCP_KEEPINTVL": 15,
    "TCP_KEEPCNT": 4,
}
"""Seconds of silence before the first probe, seconds between probes, and their number: a peer that
is silent for two minutes is gone. By default the system would wait for two hours."""


def listen(host: str, port: int, option: str = "--port") -> list[socket.socket]:
    """Listen on a port, on both IPv4 and IPv6 for localhost.

    Raises ServeError, naming the option that chooses another port, if that fails.
    """
    first = "127.0.0.1" if host == "localhost" else host
    sockets = [_bind(first, port, option)]
    if loopback(host):
        other = "127.0.0.1" if ":" in first else "::1"
        # No IPv6, or the port is taken there: one address will do.
        with suppress(ServeError):
            sockets.append(_bind(other, sockets[0].getsockname()[1], option))
    return sockets


def _bind(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OverflowError:
        raise ServeError(f"{port} is not a port; choose 1 to 65535 with {option}.") from None
    except OSError as error:
        raise ServeError(_bind_error(error, host, port, option)) from None
    # Inherited by connections: if the peer vanishes silently, like a laptop that is closed, the
    # connection is probed and closed.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE_OPTIONS.items():
        if hasattr(socket, name):  # not everywhere
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    # Recreated from its descriptor, the socket knows that it is TCP. asyncio checks that before it
    # turns off Nagle's algorithm, which would delay every response with a body by 40 ms.
    return socket.socket(fileno=listener.detach())


def _bind_error(error: OSError, host: str, port: int, option: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program; choose another one with {option}."
    if error.errno == errno.EACCES:
        return f"Port {port} needs special privileges; choose one above 1023 with {option}."
    return (
        f"{host} is not an address of this machine to listen on ({error.strerror or error}); "
        "choose another one with --host."
    )
