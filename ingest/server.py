"""One process on the public port: the receiver, the writer, and the pages behind the door."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
from collections.abc import Sequence
from typing import Final

import uvicorn

from clustertrace import settings
from clustertrace.ingest.app import receiver
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.door import Door
from clustertrace.ingest.guard import Guard
from clustertrace.ingest.sockets import BACKLOG
from clustertrace.ingest.ui import Pages, launch_command
from clustertrace.pricing import own_prices
from clustertrace.store.store import Store, database_path

__all__ = ["serve"]

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than exporters pause between batches, so that they find their connection open."""
_GRACE_SECONDS: Final = 3


def serve(sockets: Sequence[socket.socket], host: str, db: str | None, *, pages: bool) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted by then is committed.

    Raises StoreError or BadSetting when the database or a setting can't be used.
    """
    limit = settings.load().otlp_max_bytes
    own_prices()
    path = str(database_path(db))
    # Spans are trees, which need no collector; by default it takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # uvicorn ends in order, then repeats the signal to whoever had it before: to nobody.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    asyncio.run(_serve(sockets, host, path, limit, pages))


async def _serve(
    sockets: Sequence[socket.socket], host: str, db: str, limit: int, pages: bool
) -> None:
    port = sockets[0].getsockname()[1]
    committer = Committer()
    ui = Pages(lambda private: launch_command(private, port, db)) if pages else None
    door = Door(ui.port) if ui else None
    app = receiver(committer, limit=limit, pages=door, ui=lambda: ui.state if ui else "off", db=db)
    server = _Server(_config(Guard(app, host, port)))
    serving = asyncio.create_task(server.serve(list(sockets)))
    store: Store | None = None
    try:
        await server.up.wait()
        if ui:
            ui.start()
        # A new database takes a second to make; until then requests wait in the queue.
        store = await asyncio.to_thread(Store.open, db)
        committer.start(store)
        await serving
    finally:
        if store is None:
            committer.close()
        server.should_exit = True
        await serving
        if ui:
            await ui.stop()
        if door:
            await door.close()
        await asyncio.to_thread(committer.close)
        if store is not None:
            store.close()


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def _config(app: Guard) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ws_max_size=1 << 30,
        ws_per_message_deflate=False,
    )
