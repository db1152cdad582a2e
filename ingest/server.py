"""The process on the public port: the receiver, the writer, and the proxy to the pages."""

from __future__ import annotations

import asyncio
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
from clustertrace.ingest.pacing import collect_seldom
from clustertrace.ingest.preface import protocol_with_advice
from clustertrace.ingest.sockets import BACKLOG
from clustertrace.ingest.ui import Pages, launch_command
from clustertrace.keys import access_key
from clustertrace.pricing import own_prices
from clustertrace.store.place import Place, place_of
from clustertrace.store.store import Store
from clustertrace.telling.addresses import PublicAddress, loopback, public_address

__all__ = ["serve"]

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than exporters pause between batches, so that connections stay open."""
_GRACE_SECONDS: Final = 3
_CREATE_DATABASE: Final = "from clustertrace.store.store import Store; Store.open().close()"


@dataclass(frozen=True, slots=True)
class _Options:
    """How to serve."""

    host: str
    place: Place
    max_bytes: int
    """The limit on a request."""
    pages: bool
    idle_minutes: float | None
    grpc_port: int | None
    public: PublicAddress | None
    """Our address behind a proxy."""


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

    With `idle_minutes`, the pages start when one is first opened, and the receiver exits once no
    spans came in and nobody used a page for so long. With `grpc_port`, OTLP/gRPC is taken there; if
    that fails, the log says why and HTTP goes on. `url` is our address behind a proxy; then
    everybody needs the key.

    Raises UsageError for an invalid address, StoreError or BadSetting if the database or a setting
    can't be used.
    """
    public = None if url is None else public_address(url)
    max_bytes = settings.load().otlp_max_bytes
    own_prices()
    place = place_of(db)
    # For child processes: as an argument, others could see it, and it may hold a password.
    os.environ["CLUSTERTRACE_DB"] = place.text
    collect_seldom()
    # After a clean shutdown, uvicorn repeats the signal for the previous handler, which ignores it.
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

    def on_visit() -> None:
        activity.note()
        if ui:
            ui.start()

    door = Door(ui.port, on_visit, ui.key) if ui else None
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
    idle_watch = asyncio.create_task(_exit_when_idle(server, activity, idle_minutes))
    try:
        await server.listening.wait()
        if ui and idle_minutes is None:
            ui.start()
        if options.grpc_port is not None:
            await _start_grpc(grpc, host, options.grpc_port)
        # Creating a database takes a second; until then requests wait in the queue.
        store = await _open_store(place)
        committer.start(store)
        await serving
    finally:
        if store is None:
            committer.close()
        server.should_exit = True
        idle_watch.cancel()
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
    """Open the store. A new database is created in another process, as that takes 30 MiB."""
    if not (place.is_file and await asyncio.to_thread(place.path.exists)):
        creation = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _CREATE_DATABASE),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await creation.wait()
    # If that failed, this fails in the same way, and reports it.
    return await asyncio.to_thread(Store.open, place.text)


async def _exit_when_idle(server: _Server, activity: Activity, idle_minutes: float | None) -> None:
    """Stop the server once it has been idle for so long; None for never."""
    if idle_minutes is not None:
        await until_idle(activity, idle_minutes * 60)
        print(  # noqa: T201 - the receiver's log
            f"clustertrace: nothing has come in for {idle_minutes:g} min; the receiver ends.",
            file=sys.stderr,
        )
        server.should_exit = True


class _Server(uvicorn.Server):
    """Signals when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def _uvicorn_config(app: Guard, advice: Callable[[], str]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol_with_advice(advice),
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
