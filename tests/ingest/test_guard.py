from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from clustertrace.ingest.guard import Guard


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello", headers={"Access-Control-Allow-Origin": "*"})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def client(host: str = "localhost", port: int = 7777) -> TestClient:
    app = Starlette(
        routes=[
            Route("/", hello, methods=["GET", "POST", "OPTIONS"]),
            WebSocketRoute("/ws", echo),
        ]
    )
    return TestClient(
        Guard(app, host, port), base_url=f"http://localhost:{port}", client=("127.0.0.1", 1)
    )


@pytest.mark.parametrize(
    ("listening", "host", "status"),
    [
        ("localhost", "localhost:7777", 200),
        ("127.0.0.1", "LOCALHOST:7777", 200),
        ("::1", "127.0.0.1:7777", 200),
        ("localhost", "[::1]:7777", 200),
        ("localhost", "localhost", 421),
        ("localhost", "localhost:8080", 421),
        ("localhost", "evil.example:7777", 421),
        ("localhost", "localhost.evil.example:7777", 421),
        ("localhost", "192.168.1.5:7777", 421),
        ("localhost", "localhost:7777:7777", 421),
        ("localhost", "", 421),
        ("0.0.0.0", "192.168.1.5:7777", 200),
        ("0.0.0.0", "[2001:db8::1]:7777", 200),
        ("0.0.0.0", "evil.example:7777", 421),
        ("build-box", "build-box:7777", 200),
        ("build-box", "evil.example:7777", 421),
    ],
)
def test_only_our_own_names_and_port_are_answered(listening: str, host: str, status: int) -> None:
    """Only our own names and port are answered; an open listener takes addresses as well."""
    assert client(listening).get("/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("port", [b"9" * 5000, b"\xb2", b"\xd9\xa7", b"-1", b"1_0", b"", b"\0"])
def test_ports_that_are_no_numbers(port: bytes) -> None:
    """Whatever stands where a port should be is refused, and breaks nothing."""
    asked = client()
    assert asked.get("/", headers={"Host": b"localhost:" + port}).status_code == 421
    assert asked.post("/", headers={"Origin": b"http://localhost:" + port}).status_code == 403


def test_a_body_whose_length_is_given_twice() -> None:
    """Where a proxy and we could disagree on where a request ends, nothing is read of it."""
    both = {"Content-Length": "2", "Transfer-Encoding": "chunked"}
    answer = client().post("/", headers=both, content=b"{}")
    assert answer.status_code == 400
    assert answer.headers["connection"] == "close"


def test_default_port() -> None:
    """On port 80, a Host without a port is ours."""
    assert client(port=80).get("/", headers={"Host": "localhost"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "origin", "status"),
    [
        ("POST", None, 200),
        ("POST", "http://localhost:7777", 200),
        ("POST", "http://127.0.0.1:7777", 200),
        ("POST", "https://localhost:7777", 403),
        ("POST", "http://localhost:3000", 403),
        ("POST", "https://evil.example", 403),
        ("POST", "null", 403),
        ("POST", "", 403),
        ("GET", "https://evil.example", 200),
    ],
)
def test_foreign_pages_change_nothing(method: str, origin: str | None, status: int) -> None:
    """What changes something is refused to foreign pages; programs send no Origin."""
    headers = {} if origin is None else {"Origin": origin}
    assert client().request(method, "/", headers=headers).status_code == status


def test_websocket_origin() -> None:
    """A foreign page gets no websocket."""
    with client().websocket_connect(
        "ws://localhost:7777/ws", headers={"Origin": "http://localhost:7777"}
    ):
        pass
    with (
        pytest.raises(WebSocketDisconnect),
        client().websocket_connect(
            "ws://localhost:7777/ws", headers={"Origin": "https://evil.example"}
        ),
    ):
        pass


def test_every_answer_forbids_framing_and_reading() -> None:
    """Every answer forbids other sites to frame or read it, and pages to load from elsewhere."""
    for answer in (client().get("/"), client().get("/", headers={"Host": "evil.example"})):
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers
