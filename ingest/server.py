"""One process on the public port: the receiver, the writer, and the pages behind the door."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import uvicorn

from clustertrace import settings
from clustertrace.errors import ServeError
from clustertrace.ingest.app import State, receiver
from clustertrace.ingest.body import Room
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.door import Door
from clustertrace.ingest.grpc_service import GrpcService, advice
from clustertrace.ingest.guard import Guard
from clustertrace.ingest.idling import Activity, until_idle
from clustertrace.ingest.preface import protocol_that_tells
from clustertrace.ingest.sockets import BACKLOG
from clustertrace.ingest.ui import Pages, launch_command
from clustertrace.keys import access_key
from clustertrace.pricing import own_prices
from clustertrace.store.place import Place, place_of
from clustertrace.store.store import Store
from clustertrace.telling.addresses import PublicAddress, loopback, public_address

__all__ = ["serve"]

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than exporters pause between batches, so that they find their connection open."""
_GRACE_SECONDS: Final = 3
_MAKE_DATABASE: Final = "from clustertrace.store.store import Store; Store.open().close()"


@dataclass(frozen=True, slots=True)
class _Options:
    """How to serve."""

    host: str
    place: Place
    max_bytes: int
    """Of a request."""
    pages: bool
    idle_minutes: float | None
    grpc_port: int | None
    public: PublicAddress | None
    """Where a proxy makes us known."""


def serve(
    sockets: Sequence[socket.socket],
    host: str,
    db: str | None,
    *,
    pages: bool,
    idle_minutes: float | None = None,
    grpc_port: int | None = None,
    url: str | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; what was accepted by then is committed.

    With `idle_minutes`, the pages start when one is first asked for, and the receiver leaves when
    for so long no spans have come in and nobody has used a page. With `grpc_port`, OTLP/gRPC is
    taken there; where it can't be had, the log says why and HTTP goes on. With `url`, a proxy makes
    us known there, and everybody shows the key.

    Raises UsageError for an address that is none, StoreError or BadSetting when the database or a
    setting can't be used.
    """
    public = None if url is None else public_address(url)
    max_bytes = settings.load().otlp_max_bytes
    own_prices()
    place = place_of(db)
    # For the processes that it starts: an argument could be seen by others, and hold a password.
    os.environ["CLUSTERTRACE_DB"] = place.text
    # Spans are trees, which need no collector; by default it takes a tenth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    # uvicorn ends in order, then repeats the signal to whoever had it before: to nobody.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    options = _Options(host, place, max_bytes, pages, idle_minutes, grpc_port, public)
    asyncio.run(_serve(sockets, options))


async def _serve(sockets: Sequence[socket.socket], options: _Options) -> None:
    host, place, limit = options.host, options.place, options.max_bytes
    public, idle_minutes = options.public, options.idle_minutes
    port = sockets[0].getsockname()[1]
    activity = Activity()
    committer, room = Committer(received=activity.note), Room()
    key = access_key(place.path) if public or not loopback(host) else None
    everybody = public is not None
    grpc = GrpcService(committer, limit=limit, room=room, key=key, everybody=everybody)
    ui = Pages(lambda private: launch_command(private, port)) if options.pages else None

    def visited() -> None:
        activity.note()
        if ui:
            ui.start()

    door = Door(ui.port, visited, ui.key) if ui else None
    store: Store | None = None
    state = State(
        place=place,
        ui=lambda: ui.state if ui else "off",
        grpc=lambda: grpc.port,
        idle_minutes=idle_minutes,
        store=lambda: store,
    )
    app = receiver(committer, state, limit=limit, room=room, pages=door)
    server = _Server(
        _uvicorn_config(Guard(app, host, port, key, public), lambda: advice(grpc.port))
    )
    serving = asyncio.create_task(server.serve(list(sockets)))
    leaving = asyncio.create_task(_leave_when_idle(server, activity, idle_minutes))
    try:
        await server.up.wait()
        if ui and idle_minutes is None:
            ui.start()
        if options.grpc_port is not None:
            await _start_grpc(grpc, host, options.grpc_port)
        # A new database takes a second to make; until then requests wait in the queue.
        store = await _open_store(place)
        committer.start(store)
        await serving
    finally:
        if store is None:
            committer.close()
        server.should_exit = True
        leaving.cancel()
        await serving
        await grpc.stop()
        if ui:
            await ui.stop()
        if door:
            await door.close()
        await asyncio.to_thread(committer.close)
        if store is not None:
            store.close()


async def _start_grpc(grpc: GrpcService, host: str, port: int) -> None:
    try:
        await grpc.start(host, port)
        message = f"clustertrace receives OTLP/gRPC at localhost:{grpc.port}"
    except ServeError as error:
        message = f"clustertrace receives no OTLP/gRPC: {error}"
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - the receiver's log


async def _open_store(place: Place) -> Store:
    """The store. What makes a new database needs 30 MiB, so a process of its own makes it."""
    if not (place.is_file and await asyncio.to_thread(place.path.exists)):
        making = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _MAKE_DATABASE),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await making.wait()
    # If that went wrong, the same goes wrong here, and is told.
    return await asyncio.to_thread(Store.open, place.text)


async def _leave_when_idle(server: _Server, activity: Activity, idle_minutes: float | None) -> None:
    """Have the server end once it has been idle for so long; None: never."""
    if idle_minutes is not None:
        await until_idle(activity, idle_minutes * 60)
        print(  # noqa: T201 - the receiver's log
            f"clustertrace: nothing has come in for {idle_minutes:g} min; the receiver ends.",
            file=sys.stderr,
        )
        server.should_exit = True


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


def _uvicorn_config(app: Guard, advice: Callable[[], str]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_that_tells(advice),
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
