"""`dashboard` and `demo`: the receiver and the pages in a browser."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from clustertrace.cli.app import Db, command
from clustertrace.cli.output import note
from clustertrace.errors import ServeError
from clustertrace.keys import VARIABLE, access_key, bearer, key_place
from clustertrace.telling.addresses import loopback, public_address
from clustertrace.telling.words import counted

if TYPE_CHECKING:
    from clustertrace.cli.supervisor import Address
    from clustertrace.store.place import Place

__all__ = ["GrpcPort", "dashboard", "demo", "usual_grpc_port"]

_LOOPBACK: Final = "localhost"
_DEMO_PAGE: Final = "/clusters"
_USUAL_GRPC_PORT: Final = 4317
"""Where programs that are told nothing send OTLP/gRPC."""

Port = Annotated[
    int,
    typer.Option(min=0, max=65535, metavar="PORT", help="Port to serve on; 0 picks a free one."),
]
GrpcPort = Annotated[
    int | None,
    typer.Option(
        "--grpc-port",
        min=0,
        max=65535,
        metavar="PORT",
        show_default=False,
        help=f"Port for OTLP/gRPC. Default: {_USUAL_GRPC_PORT} if clustertrace[grpc] is installed.",
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Serve without opening a browser.")]


@command(
    "dashboard",
    "clustertrace dashboard",
    "clustertrace dashboard --port 8000 --no-browser",
    "clustertrace dashboard --db runs.db --grpc-port 4317",
)
def dashboard(
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Address to serve on; 0.0.0.0 lets other machines in, if they have the key.",
        ),
    ] = _LOOPBACK,
    port: Port = 7777,
    grpc_port: GrpcPort = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            show_default=False,
            help="Address at which others reach it through a proxy with TLS. Everybody then needs"
            " the key (docs/team.md).",
        ),
    ] = None,
    no_browser: NoBrowser = False,
    db: Db = None,
) -> None:
    """Serve the receiver and the pages.

    Opens them in a browser. The receiver accepts OpenTelemetry over HTTP at /v1/traces on the
    same port, and over gRPC on a port of its own. Ctrl-C stops it.
    """
    from clustertrace.cli.supervisor import Address
    from clustertrace.store.place import place_of

    if url is not None:
        url = public_address(url).origin
    address = Address(host, port or _free_port(host))
    database = place_of(db)
    if _is_running(address, database):
        note(f"clustertrace is already running at {address.url}{_patience_words(address)}.")
        if not no_browser:
            _open_browser(address.url)
    else:
        grpc_port = usual_grpc_port() if grpc_port is None else grpc_port
        _serve(address, database, browser=not no_browser, grpc_port=grpc_port, url=url)


def usual_grpc_port() -> int | None:
    """Where OTLP/gRPC is taken unless a port is named; None without clustertrace[grpc]."""
    return _USUAL_GRPC_PORT if find_spec("grpc") is not None else None


@command("demo", "clustertrace demo", "clustertrace demo --port 8000 --no-browser")
def demo(port: Port = 7777, no_browser: NoBrowser = False) -> None:
    """Explore sixty bundled runs.

    They come from three small agents and are loaded into ~/.clustertrace/demo.db, which is
    recreated each time; your own traces are not touched.
    """
    from clustertrace.cli.supervisor import Address
    from clustertrace.store.place import place_of

    address = Address(_LOOPBACK, port or _free_port(_LOOPBACK))
    database = Path.home() / ".clustertrace" / "demo.db"
    place = place_of(database)
    if _is_running(address, place):
        note(f"The demo is already running at {address.url}.")
        if not no_browser:
            _open_browser(address.url + _DEMO_PAGE)
        return
    note(f"{counted(_load_demo(database), 'trace')} loaded into {database}.")
    _serve(address, place, page=_DEMO_PAGE, browser=not no_browser)


def _load_demo(database: Path) -> int:
    from clustertrace.exchange.bundle import load_bundle
    from clustertrace.store.store import Store

    for ending in ("", "-wal", "-shm"):
        database.with_name(database.name + ending).unlink(missing_ok=True)
    shutil.rmtree(database.with_name(database.name + ".spool"), ignore_errors=True)
    with Store.open(database) as store:
        loaded = load_bundle(store, time.time_ns())
        store.refresh()
    return loaded


def _is_running(address: Address, database: Place) -> bool:
    """Whether this database is served there. Raises ServeError if the port is taken otherwise."""
    from clustertrace.cli.supervisor import health

    answer = health(address)
    if answer is None:
        return False
    if answer.get("db") != database.name:
        raise ServeError(
            f"Port {address.port} is taken by a clustertrace with another database "
            f"({answer.get('db')}); choose another port with --port."
        )
    return True


def _patience_words(address: Address) -> str:
    """How long the receiver there stays, if it leaves by itself."""
    from clustertrace.cli.supervisor import health

    minutes = (health(address) or {}).get("idle_shutdown_minutes")
    return f" until nothing has come in for {minutes:g} min" if minutes else ""


def _serve(
    address: Address,
    database: Place,
    *,
    browser: bool,
    page: str = "",
    grpc_port: int | None = None,
    url: str | None = None,
) -> None:
    """Serve until stopped; `browser`: open `page` in one, unless a proxy serves others at `url`."""
    from clustertrace.cli.supervisor import receiver_command, supervise

    def open_beside() -> None:
        if browser and url is None:
            # Some browsers only return when they are closed.
            arguments = (address.url + page,)
            threading.Thread(target=_open_browser, args=arguments, daemon=True).start()

    note(f"clustertrace serves {database.name} at {address.url} (Ctrl-C ends it).")
    if url is not None:
        # What a service says is kept in logs, where a key has no place.
        access_key(database.path)
        note(f"Others open {url}/?key=KEY; KEY is in {key_place(database.path)}.")
    elif not loopback(address.host):
        key = access_key(database.path)
        name = socket.gethostname() if address.host in ("0.0.0.0", "::") else address.host
        note(f"From other machines open http://{name}:{address.port}{page or '/'}?key={key}")
        note(f"Programs there send {VARIABLE}={key}, or Authorization: {bearer(key)}.")
    os.environ["CLUSTERTRACE_DB"] = database.text
    supervise(receiver_command(address, grpc_port, url), address, open_beside, note)


def _open_browser(url: str) -> None:
    """Open a browser, or say what to open where there is no screen to show one on."""
    import webbrowser

    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    ):
        # A text browser would take over the terminal.
        note(f"Open {url} in your browser.")
        return
    webbrowser.open(url)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])
