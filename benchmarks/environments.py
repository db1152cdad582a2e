"""Other tools from PyPI, each in an environment of its own, talking to nobody but this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

__all__ = ["RIVALS", "SILENT", "environment", "null_server"]

FOLDER = Path(__file__).parents[1] / "build" / "rivals"

RIVALS = {
    "OpenTelemetry": ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"),
    "clustertrace 0.14.3": ("clustertrace[otel-import]==0.14.3",),
    "Langfuse": ("langfuse",),
    "Logfire": ("logfire",),
    "MLflow": ("mlflow",),
    "Phoenix": ("arize-phoenix",),
}
"""What pip is asked for."""

NOWHERE = "http://127.0.0.1:9"
SILENT = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PHOENIX_TELEMETRY_ENABLED": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What keeps them from calling home; a proxy that nobody listens at stops what it does not."""


def environment(name: str) -> Path | None:
    """The Python of a tool's environment, made on first use; None, with a line, if that fails."""
    folder = FOLDER / name.replace(" ", "-").lower()
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / ".ready"
    if ready.exists():
        return python
    print(f"installing {name} …", file=sys.stderr)
    venv.create(folder, clear=True, with_pip=True)
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *RIVALS[name]],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["pip says nothing"])[-1]
        print(f"{name} can't be installed and is left out: {reason}")
        return None
    ready.touch()
    return python


class _Taking(BaseHTTPRequestHandler):
    """Takes whatever is sent, and says that all is well."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        while self.headers.get("Transfer-Encoding") == "chunked" and self._chunk():
            pass
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def _chunk(self) -> int:
        size = int(self.rfile.readline(), 16)
        self.rfile.read(size + 2)
        return size

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Programs that are measured end as they like."""


@contextmanager
def null_server() -> Iterator[str]:
    """The address of a server that takes everything."""
    server = _Server(("127.0.0.1", 0), _Taking)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
