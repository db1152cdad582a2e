"""The real Claude Code from npm, and a model that costs nothing for it to talk to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

VERSION = "2.1.330"
PACKAGE = "@anthropic-ai/claude-code"
PROGRAMS = f"node_modules/{PACKAGE}-*/claude"

ANSWER = "It is 18 C and sunny in Paris."
COMMAND = "echo hello-from-tool"
USAGE = {
    "input_tokens": 120,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 900,
    "output_tokens": 25,
}
"""Of every call."""


class Model(BaseHTTPRequestHandler):
    """Anthropic's messages, streamed: a shell command first, then, with its result, an answer."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Say that somebody is there."""
        self._send("application/json", b"")

    def do_POST(self) -> None:
        """Answer one request."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.path.partition("?")[0].endswith("/messages"):
            self._send("application/json", b'{"input_tokens": 42}')
            return
        events = _events(asked)
        lines = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
        self._send("text/event-stream", "".join(lines).encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("request-id", f"req_{id(self)}_{os.urandom(4).hex()}")
        self.end_headers()
        self.wfile.write(body)


def _events(asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    last = asked["messages"][-1]["content"]
    answered = isinstance(last, list) and any(part["type"] == "tool_result" for part in last)
    if answered:
        block: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": ANSWER}
    else:
        block = {
            "type": "tool_use",
            "id": f"toolu_{os.urandom(6).hex()}",
            "name": "Bash",
            "input": {},
        }
        arguments = json.dumps({"command": COMMAND, "description": "Say hello"})
        delta = {"type": "input_json_delta", "partial_json": arguments}
    message = {"id": f"msg_{os.urandom(6).hex()}", "type": "message", "role": "assistant"}
    message |= {"model": asked["model"], "content": [], "stop_reason": None, "usage": USAGE}
    reason = "end_turn" if answered else "tool_use"
    yield {"type": "message_start", "message": message}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": USAGE}
    yield {"type": "message_stop"}


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    """The base address of the model."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="session")
def claude_program() -> Path:
    """Claude Code itself, kept outside the checkout; fetched when `make test-claude-code` asks."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "clustertrace" / f"claude-code-{VERSION}"
    if not list(folder.glob(PROGRAMS)) and os.environ.get("CLUSTERTRACE_FETCH_CLAUDE_CODE"):
        _fetch(folder)
    for found in folder.glob(PROGRAMS):
        return found
    pytest.skip("needs Claude Code: make test-claude-code fetches it")


def _fetch(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm to fetch Claude Code")
    folder.mkdir(parents=True, exist_ok=True)
    words = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
    done = subprocess.run(
        [*words, f"{PACKAGE}@{VERSION}"], capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        pytest.skip(f"npm can't fetch Claude Code: {done.stderr.strip().splitlines()[-1:]}")


@pytest.fixture
def claude(claude_program: Path, model_url: str, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Give Claude Code a prompt; what it says of itself when it is done."""
    work = tmp_path / "work"
    work.mkdir()

    def run(prompt: str, *options: str) -> dict[str, Any]:
        done = subprocess.run(
            [str(claude_program), "-p", prompt, "--output-format", "json", *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=work,
            timeout=120,
            env={
                "HOME": os.environ["HOME"],
                "PATH": os.environ["PATH"],
                "ANTHROPIC_BASE_URL": model_url,
                "ANTHROPIC_API_KEY": "none",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
                "IS_SANDBOX": "1",
            },
        )
        assert done.returncode == 0, done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    return run
