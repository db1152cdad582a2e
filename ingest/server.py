"""One process on the public port: sockets, store, writer, receiver, and the pages behind it."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from clustertrace.errors import ServeError
from clustertrace.ingest.guard import loopback

if TYPE_CHECKING:
    from clustertrace.settings import Settings
    from clustertrace.store.store import Store

__all__ = ["listen", "serve"]

_BACKLOG: Final = 512
_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than exporters pause between batches, so that they find their connection open."""
_GRACE_SECONDS: Final = 5


def listen(host: str, port: int) -> list[socket.socket]:
    """Take the public port, on both of localhost's addresses where there are two.

    Raises ServeError when it can't be had.
    """
    first = "127.0.0.1" if host == "localhost" else host
    sockets = [_bind(first, port)]
    if loopback(host):
        other = "127.0.0.1" if ":" in first else "::1"
        # No IPv6 here, or the port is taken there: one address will do.
        with suppress(ServeError):
            sockets.append(_bind(other, sockets[0].getsockname()[1]))
    return sockets


def serve(
    store: Store, sockets: Sequence[socket.socket], host: str, settings: Settings, *, pages: bool
) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted by then is committed."""
    # Not theirs: uvicorn ends in order, then repeats the signal to whoever had it before.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    asyncio.run(_serve(store, sockets, host, settings, pages))


async def _serve(
    store: Store, sockets: Sequence[socket.socket], host: str, settings: Settings, pages: bool
) -> None:
    import uvicorn

    from clustertrace.ingest.app import receiver
    from clustertrace.ingest.committer import Committer
    from clustertrace.ingest.door import Door
    from clustertrace.ingest.guard import Guard
    from clustertrace.ingest.ui import Pages, launch_command

    port = sockets[0].getsockname()[1]
    db = str(store.path)
    committer = Committer(store)
    ui = Pages(lambda private: launch_command(private, port, db)) if pages else None
    door = Door(ui.port) if ui else None
    app = receiver(
        committer,
        limit=settings.otlp_max_bytes,
        pages=door,
        ui=lambda: ui.state if ui else "off",
        db=db,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            Guard(app, host, port),
            lifespan="off",
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ws_max_size=1 << 30,
            ws_per_message_deflate=False,
        )
    )
    committer.start()
    if ui:
        ui.start()
    try:
        await server.serve(list(sockets))
    finally:
        if ui:
            await ui.stop()
        if door:
            await door.close()
        await asyncio.to_thread(committer.close)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ServeError(_why(error, host, port)) from None


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program; choose another one with --port."
    if error.errno == errno.EACCES:
        return f"Port {port} needs special rights; choose one above 1023 with --port."
    return (
        f"{host} is no address of this machine to listen on ({error.strerror or error}); "
        "choose another one with --host."
    )
