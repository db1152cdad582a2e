"""Other machines show a key; this one needs none; and the pages' private port knows the door."""

from __future__ import annotations

import http.client
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from clustertrace.errors import StoreError
from clustertrace.ingest.body import Room
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.grpc_service import GrpcService
from clustertrace.ingest.guard import Guard
from clustertrace.keys import access_key

KEY = "a-key-that-nobody-guesses"
AWAY = ("203.0.113.7", 40_000)


async def hello(request: Request) -> PlainTextResponse:
    """Say hello."""
    return PlainTextResponse(f"hello {request.url.query}")


async def echo(websocket: WebSocket) -> None:
    """Accept and close."""
    await websocket.accept()
    await websocket.close()


def client(peer: tuple[str, int] = AWAY, key: str | None = KEY) -> TestClient:
    """A client of a receiver that listens on every address."""
    routes = [
        Route("/{path:path}", hello, methods=["GET", "POST"]),
        WebSocketRoute("/ws", echo),
    ]
    guard = Guard(Starlette(routes=routes), "0.0.0.0", 7777, key)
    return TestClient(guard, base_url="http://192.0.2.1:7777", client=peer, follow_redirects=False)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {KEY}"}, 200),
        ({"Authorization": KEY}, 401),
        ({"Authorization": f"Bearer {KEY}x"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Cookie": f"clustertrace-7777={KEY}"}, 200),
        ({"Cookie": f"clustertrace-7778={KEY}"}, 401),
        ({"Cookie": "clustertrace-7777=é;;=,"}, 401),
    ],
)
def test_another_machine_shows_the_key(headers: dict[str, str], status: int) -> None:
    """As a program does or as a browser; else it is told what to do."""
    sent = {name: value.encode() for name, value in headers.items()}
    for method in ("GET", "POST"):
        answer = client().request(method, "/v1/traces", headers=sent)
        assert answer.status_code == status
        assert status == 200 or "clustertrace dashboard" in answer.text


def test_a_browser_opens_the_address_once() -> None:
    """It gets a cookie that scripts can't read, and an address without the key."""
    answer = client().get(f"/trace?id=1&key={KEY}&x=%26")
    assert (answer.status_code, answer.headers["location"]) == (303, "/trace?id=1&x=%26")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert client().get("/?key=wrong").status_code == 401
    assert client().post(f"/?key={KEY}").status_code == 401
    twice = client().get(f"http://192.0.2.1:7777//evil.example/?key={KEY}")
    assert twice.headers["location"] == "/evil.example/"


def test_this_machine_needs_none() -> None:
    """This machine needs no key, unless a proxy on it speaks for another one."""
    here = client(("127.0.0.1", 40_000))
    assert here.get("/").status_code == 200
    assert here.get("/", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 401
    assert client(("192.0.2.1", 40_000)).get("/").status_code == 200


def test_without_a_key_nobody_comes_in() -> None:
    """A guard that was given none lets no other machine in."""
    assert client(key=None).get("/", headers={"Authorization": "Bearer "}).status_code == 401


def test_a_websocket_shows_the_key() -> None:
    """A websocket from another machine is admitted by the cookie with the key, and only with it."""
    with pytest.raises(WebSocketDisconnect), client().websocket_connect("ws://192.0.2.1:7777/ws"):
        pass
    shown = {"Cookie": f"clustertrace-7777={KEY}"}
    with client().websocket_connect("ws://192.0.2.1:7777/ws", headers=shown):
        pass


@pytest.mark.parametrize(
    ("peer", "shown", "admitted"),
    [
        ("ipv4:127.0.0.1:5000", {}, True),
        ("ipv6:%5B::1%5D:5000", {}, True),
        ("ipv4:203.0.113.7:5000", {}, False),
        ("ipv4:203.0.113.7:5000", {"authorization": "Bearer wrong"}, False),
        ("ipv4:203.0.113.7:5000", {"authorization": f"Bearer {KEY}"}, True),
        ("unix:/tmp/x", {}, False),
    ],
)
def test_grpc_asks_for_the_key_too(peer: str, shown: dict[str, str], admitted: bool) -> None:
    """Other machines show it in the metadata of each call."""
    call = SimpleNamespace(peer=lambda: peer, invocation_metadata=shown.items)
    service = GrpcService(Committer(), limit=1, room=Room(), key=KEY)
    assert service._admitted(call, KEY) is admitted


def test_the_key_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the database, for its owner's eyes, and the same again; or the user's own."""
    db = tmp_path / "home" / "traces.db"
    key = access_key(db)
    path = db.with_name("traces.db.key")
    assert (len(key) >= 32, access_key(db)) == (True, key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("\n")
    with pytest.raises(StoreError, match="delete it"):
        access_key(db)
    monkeypatch.setenv("CLUSTERTRACE_KEY", KEY)
    assert access_key(db) == KEY


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[tuple[Any, int]]:
    """A dashboard that listens on every address, with its pages."""
    with socket.create_server(("0.0.0.0", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "clustertrace", "dashboard", "--host", "0.0.0.0", "--no-browser",
         "--port", str(port), "--grpc-port", "0", "--db", str(tmp_path / "traces.db")],
        stderr=subprocess.PIPE, env={**os.environ, "CLUSTERTRACE_KEY": KEY}, text=True,
    )  # fmt: skip
    yield process, port
    process.terminate()
    process.communicate(timeout=30)


@pytest.mark.slow
def test_the_pages_answer_the_door_alone(dashboard: tuple[Any, int]) -> None:
    """The dashboard prints the way in; the private port behind it answers nobody else."""
    process, port = dashboard
    line = ""
    while "Programs there send" not in line:
        line += process.stderr.readline()
    assert f":{port}/?key={KEY}" in line
    while (health := _get(port, "/_stcore/health"))[0] in (0, 503):
        assert process.poll() is None
    assert health == (200, b"ok")
    private = _listening(process.pid) - {port}
    assert private
    refused = [_get(one, "/")[0] for one in private]
    assert 403 in refused
    assert 200 not in refused


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (http.client.HTTPException, ConnectionError):
        return 0, b""
    finally:
        connection.close()


def _listening(parent: int) -> set[int]:
    """The TCP ports of loopback that the descendants of a process listen on."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family = {parent}
    while more := {pid for pid, of in parents.items() if of in family} - family:
        family |= more
    inodes = set()
    for pid in family:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(link)))
            except OSError:
                continue
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return {int(row[1][-4:], 16) for row in rows if row[3] == "0A" and row[9] in inodes}
