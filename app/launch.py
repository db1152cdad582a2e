"""Start the pages: `python -m clustertrace.app.launch --port N --public-port 7777`.

They listen on a private loopback port behind the receiver, which owns the public one. Every
option that a stray `.streamlit/config.toml` could set to a harmful value is pinned, and the
program runs in an empty folder of its own.
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
    """Serve the pages until the process is stopped."""
    parser = argparse.ArgumentParser(prog="python -m clustertrace.app.launch")
    parser.add_argument("--port", type=int, required=True, help="private port on 127.0.0.1")
    parser.add_argument("--public-port", type=int, required=True, help="port that browsers use")
    parser.add_argument(
        "--stop-at-eof", action="store_true", help="end when standard input is closed"
    )
    args = parser.parse_args(arguments)
    os.environ["CLUSTERTRACE_DB"] = place_of().text  # made absolute, as the folder changes below
    # The server raises the signal again once it has shut down: exit then, so that cleanup runs.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="clustertrace-pages-") as folder:
        os.chdir(folder)
        if args.stop_at_eof:
            threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
        _serve(args.port, args.public_port)


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
        # Garbage collection after each script run: 87 ms of CPU where a fragment takes 10,
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

    # Streamlit would read these as its own script's arguments.
    sys.argv[:] = [""]
    key = os.environ.pop(DOOR_VARIABLE, "")
    # Starlette unpacks these like its Middleware class: type, positional and keyword arguments.
    locked: Any = [(_KeyRequired, (key,), {})] if key else []
    script = Path(__file__).with_name("main.py")
    st.App(script, middleware=locked).run(config=options(port, public_port))


class _KeyRequired:
    """Answers only requests with the front door's key: other local users can reach the port too."""

    def __init__(self, app: Any, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass on requests that carry the key."""
        header_key = dict(scope.get("headers", ())).get(DOOR_HEADER.encode(), b"")
        if scope["type"] == "lifespan" or hmac.compare_digest(header_key, self._key):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"Go through the public port.\n"})


def _end_with_parent(folder: str) -> None:
    """Exit when the parent does: it holds the other end of standard input as long as it lives."""
    # Not through sys.stdin: this thread would hold its lock forever, which aborts a clean exit.
    while os.read(0, 4096):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
