"""Behind a proxy with TLS everybody shows the key, whatever the proxy says of where they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from clustertrace.doctor.sending import send_test
from clustertrace.errors import UsageError
from clustertrace.ingest.guard import Guard
from clustertrace.store.place import place_of
from clustertrace.telling.addresses import public_address

KEY = "a-key-that-nobody-guesses"
ORIGIN = "https://traces.example.com"
SOCKET = "wss://traces.example.com/ws"
SHOWN = {"Authorization": f"Bearer {KEY}"}


async def hello(request: Request) -> PlainTextResponse:
    """Say hello."""
    return PlainTextResponse("hello")


async def echo(websocket: WebSocket) -> None:
    """Accept and close."""
    await websocket.accept()
    await websocket.close()


def client(host: str = "localhost") -> TestClient:
    """What a proxy on the same machine is to a receiver."""
    routes = [
        Route("/{path:path}", hello, methods=["GET", "POST"]),
        WebSocketRoute("/ws", echo),
    ]
    guard = Guard(Starlette(routes=routes), host, 7777, KEY, public_address(ORIGIN))
    peer = ("127.0.0.1", 40_000)
    return TestClient(guard, base_url=ORIGIN, client=peer, follow_redirects=False)


@pytest.mark.parametrize("listening", ["localhost", "0.0.0.0"])
@pytest.mark.parametrize("host", ["traces.example.com", "traces.example.com:443", "localhost:7777"])
@pytest.mark.parametrize("path", ["/", "/v1/traces", "/metrics"])
def test_everybody_shows_the_key(listening: str, host: str, path: str) -> None:
    """A proxy that tells neither who asks nor for which host lets nobody in by that."""
    asked = client(listening)
    for method in ("GET", "POST"):
        refused = asked.request(method, path, headers={"Host": host})
        assert refused.status_code == 401
        answer = asked.request(method, path, headers={"Host": host, **SHOWN})
        assert answer.status_code == 200


def test_health_is_told_to_this_machine() -> None:
    """The command that watches over the receiver has no key; others of the proxy's need one."""
    asked = client()
    local = {"Host": "localhost:7777"}
    assert asked.get("/healthz", headers=local).status_code == 200
    forwarded = {**local, "X-Forwarded-For": "203.0.113.7"}
    assert asked.get("/healthz", headers=forwarded).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "traces.example.com:7777", "traces.example.com.evil.example"]
)
def test_other_hosts_are_refused(host: str) -> None:
    """The sentence names the address that is known."""
    answer = client().get("/", headers={"Host": host, **SHOWN})
    assert answer.status_code == 421
    assert ORIGIN in answer.text


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (ORIGIN, 200),
        ("http://traces.example.com", 403),
        ("https://evil.example", 403),
        ("https://traces.example.com:8443", 403),
        ("http://localhost:7777", 200),
    ],
)
def test_pages_of_that_address_may_change_things(origin: str, status: int) -> None:
    """Over TLS alone, if that is how it is known; websockets too."""
    sent = {"Origin": origin, **SHOWN}
    assert client().post("/", headers=sent).status_code == status
    if status == 200:
        with client().websocket_connect(SOCKET, headers=sent):
            pass
    else:
        with pytest.raises(WebSocketDisconnect), client().websocket_connect(SOCKET, headers=sent):
            pass


def test_the_cookie_stays_on_encrypted_connections() -> None:
    """A browser that came by the proxy never sends it in the clear."""
    answer = client().get(f"/?key={KEY}")
    assert answer.status_code == 303
    assert "secure" in answer.headers["set-cookie"].lower()
    here = client().get(f"/?key={KEY}", headers={"Host": "localhost:7777"})
    assert "secure" not in here.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://Traces.Example.com/", ORIGIN),
        ("https://traces.example.com:443", ORIGIN),
        ("https://traces.example.com:8443", f"{ORIGIN}:8443"),
        ("http://[2001:db8::1]", "http://[2001:db8::1]"),
        ("http://box:80", "http://box"),
    ],
)
def test_an_address_is_written_as_browsers_do(address: str, origin: str) -> None:
    """A public address is written without the usual port, in lower case."""
    assert public_address(address).origin == origin


@pytest.mark.parametrize(
    "address",
    [
        *("", "traces.example.com", "traces.example.com:443", "ftp://x", "https://", "https://x/y"),
        *("https://x?y", "https://x:99999", "https://x:y", "https://me@x", "https://[x"),
    ],
)
def test_another_address_is_said_to_be_none(address: str) -> None:
    """One sentence shows a good one."""
    with pytest.raises(UsageError, match=r"such as https://traces\.example\.com"):
        public_address(address)


def test_a_receiver_of_a_team(
    start_receiver: Any, otlp_json: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real one on loopback asks this machine for the key too, and the doctor knows it."""
    monkeypatch.setenv("CLUSTERTRACE_KEY", KEY)
    with start_receiver("--no-ui", "--url", ORIGIN) as started:
        assert started.health()["status"] == "ok"
        for sent, status in (({}, 401), (SHOWN, 200)):
            headers = {"Content-Type": "application/json", "Host": "traces.example.com", **sent}
            answer = started.http.post("/v1/traces", content=otlp_json(2), headers=headers)
            assert answer.status_code == status
            assert started.http.get("/metrics", headers=sent).status_code == status
        sent_by_doctor = send_test("localhost", started.port, place_of(started.db))
        assert sent_by_doctor.state == "ok"
        assert json.loads(started.http.get("/healthz", headers=SHOWN).text)["spans_stored"] == 3
