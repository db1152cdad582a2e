"""Start the pages: `python -m clustertrace.app.launch --port N --public-port 7777`.

They listen on a private loopback port behind the receiver, which owns the public one. Every
option that a stray `.streamlit/config.toml` could change to our harm is pinned, and the program
runs in an empty folder of its own.
"""

from __future__ import annotations

import argparse
import hmac
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clustertrace.app import theme
from clustertrace.keys import DOOR_HEADER, DOOR_VARIABLE
from clustertrace.store.place import place_of

__all__ = ["main", "options"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the pages until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m clustertrace.app.launch")
    parser.add_argument("--port", type=int, required=True, help="private port on 127.0.0.1")
    parser.add_argument("--public-port", type=int, required=True, help="port that browsers use")
    parser.add_argument(
        "--stop-at-eof", action="store_true", help="end when standard input is closed"
    )
    told = parser.parse_args(arguments)
    os.environ["CLUSTERTRACE_DB"] = place_of().text  # a whole path: the folder changes below
    # The server hands a signal on when it has shut down: end then, rather than die, and tidy up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="clustertrace-pages-") as folder:
        os.chdir(folder)
        if told.stop_at_eof:
            threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
        _serve(told.port, told.public_port)


def options(port: int, public_port: int) -> dict[str, Any]:
    """Streamlit's options, by their dotted names."""
    return {
        "browser.gatherUsageStats": False,
        "browser.serverAddress": "localhost",
        "browser.serverPort": public_port,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "error",
        "runner.magicEnabled": False,
        # A full collection behind each of them: 87 ms of CPU for a part of a page that takes ten,
        # every two seconds in every tab. Python collects by itself when it is due.
        "runner.postScriptGC": False,
        "server.address": "127.0.0.1",
        "server.allowedHosts": ["127.0.0.1"],
        "server.baseUrlPath": "",
        "server.enableAgentApi": False,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.enableXsrfProtection": True,
        "server.fileWatcherType": "none",
        "server.headless": True,
        "server.port": port,
        "server.runOnSave": False,
        "server.showEmailPrompt": False,
        **theme.OPTIONS,
    }


def _serve(port: int, public_port: int) -> None:
    import streamlit as st

    # What Streamlit finds here it takes for the arguments of a script of its own.
    sys.argv[:] = [""]
    key = os.environ.pop(DOOR_VARIABLE, "")
    # What Starlette takes apart as its Middleware: the class, and what it is made with.
    locked: Any = [(_Locked, (key,), {})] if key else []
    script = Path(__file__).with_name("main.py")
    st.App(script, middleware=locked).run(config=options(port, public_port))


class _Locked:
    """Answers nobody but the door: other users of this machine can reach the port as well."""

    def __init__(self, app: Any, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on what shows the key."""
        told = dict(scope.get("headers", ())).get(DOOR_HEADER.encode(), b"")
        if scope["type"] == "lifespan" or hmac.compare_digest(told, self._key):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"Go through the public port.\n"})


def _end_with_parent(folder: str) -> None:
    """Our parent holds the other end of standard input for as long as it lives."""
    # Not through sys.stdin: its lock, held for ever by this thread, would abort an orderly end.
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
