"""The door in front of a small upstream, both served by real servers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from clustertrace.ingest.door import Door

BIG = 20 * 1024 * 1024

released = threading.Event()


async def as_received(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "path": request.scope["raw_path"].decode(),
            "query": request.url.query,
            "headers": [[k.decode(), v.decode()] for k, v in request.headers.raw],
            "size": len(await request.body()),
        }
    )


async def cookies(request: Request) -> Response:
    answer = PlainTextResponse("two", 418)
    answer.set_cookie("a", "1")
    answer.set_cookie("b", "2")
    return answer


async def slow(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.to_thread(released.wait, 20)
        yield b"second"

    return StreamingResponse(parts())


async def document(request: Request) -> Response:
    return Response(b"<html><head></head>", media_type="text/html", headers={"ETag": "x"})


async def zipped(request: Request) -> Response:
    return Response(b"not really gzip", headers={"Content-Encoding": "gzip"})


async def redirect(request: Request) -> Response:
    return Response(status_code=302, headers={"Location": "/elsewhere"})


async def broken(request: Request) -> StreamingResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        raise OSError("gone")

    return StreamingResponse(parts(), headers={"Content-Length": "100"})


async def echo(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    await websocket.accept(offered[-1] if offered else None)
    await websocket.send_json(dict(websocket.headers))
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        if message.get("text") == "bye":
            await websocket.close(4321, "as you like")
            return
        if message.get("text") is not None:
            await websocket.send_text(message["text"])
        else:
            await websocket.send_bytes(message["bytes"])


async def refuse(websocket: WebSocket) -> None:
    await websocket.close()


upstream_app = Starlette(
    routes=[
        Route("/cookies", cookies),
        Route("/slow", slow),
        Route("/clusters", document),
        Route("/zipped", zipped),
        Route("/redirect", redirect),
        Route("/broken", broken),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/refuse", refuse),
        Route("/{path:path}", as_received, methods=["GET", "POST", "PUT", "DELETE"]),
    ]
)


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """A server on a free port, in a thread."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="critical", lifespan="off", ws_max_size=BIG * 2, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)

    async def serve() -> None:
        await server.serve([listener])
        if isinstance(app, Door):
            await app.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with served(upstream_app) as port:
        yield port


@pytest.fixture(scope="module")
def front(upstream: int) -> Iterator[int]:
    with served(Door(lambda: upstream)) as port:
        yield port


@pytest.fixture
def http(front: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{front}", trust_env=False, timeout=20) as client:
        yield client


def test_a_request_arrives_as_it_was(http: httpx.Client, upstream: int) -> None:
    """Path, query, method, body and headers arrive as they were, repeated headers too."""
    answer = http.put(
        "/a%2Fb%20c//d?x=1&x=%20&y",
        content=b"abc",
        headers=[("X-Two", "1"), ("X-Two", "2"), ("Origin", "http://localhost:7777")],
    ).json()
    assert answer["path"] == "/a%2Fb%20c//d"
    assert answer["query"] == "x=1&x=%20&y"
    assert answer["size"] == 3
    headers = answer["headers"]
    assert [value for name, value in headers if name == "x-two"] == ["1", "2"]
    assert [value for name, value in headers if name == "host"] == [f"127.0.0.1:{upstream}"]
    assert ["origin", f"http://127.0.0.1:{upstream}"] in headers


def test_an_answer_comes_back_as_it_was(http: httpx.Client) -> None:
    """Status and every cookie come back; no redirect is followed and nothing unpacked."""
    answer = http.get("/cookies")
    assert (answer.status_code, answer.text) == (418, "two")
    assert len(answer.headers.get_list("set-cookie")) == 2
    assert http.get("/redirect").headers["location"] == "/elsewhere"
    with http.stream("GET", "/zipped") as raw:
        assert b"".join(raw.iter_raw()) == b"not really gzip"


def test_a_page_is_told_where_its_server_is(http: httpx.Client) -> None:
    """So that it does not look below its own address; what is no page stays as it is."""
    answer = http.get("/clusters", headers={"Accept": "text/html,*/*"})
    assert answer.text.startswith("<html><head><script>window.__streamlit=")
    assert "etag" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert http.get("/clusters").text == "<html><head></head>"
    seen = http.get("/x", headers={"Accept": "text/html", "Accept-Encoding": "gzip"}).json()
    assert "accept-encoding" not in dict(seen["headers"])


def test_cookies_are_nobody_elses(http: httpx.Client) -> None:
    """A cookie set for one client is not sent for another."""
    http.get("/cookies")
    http.cookies.clear()
    assert not [name for name, _ in http.get("/x").json()["headers"] if name == "cookie"]


def test_large_bodies(http: httpx.Client) -> None:
    """Bodies of any size pass, with a length and without."""
    assert http.post("/x", content=bytes(BIG)).json()["size"] == BIG
    parts = (bytes(1 << 20) for _ in range(20))
    assert http.post("/x", content=parts).json()["size"] == BIG


def test_an_answer_is_passed_on_while_it_is_made(http: httpx.Client) -> None:
    """The first part of an answer arrives before the last is made."""
    released.clear()
    with http.stream("GET", "/slow") as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first"
        released.set()
        assert next(parts) == b"second"


def test_upstream_breaks_off(http: httpx.Client) -> None:
    """An answer that the upstream breaks off is broken off, and the door stays open."""
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/broken")
    assert http.get("/x").is_success


def test_messages_of_any_size_pass_both_ways(front: int, upstream: int) -> None:
    """Messages of both kinds and any size pass both ways; the upstream chooses the subprotocol."""
    with connect(
        f"ws://127.0.0.1:{front}/echo?x=1",
        subprotocols=["one", "two"],  # type: ignore[list-item]
        additional_headers={"Cookie": "a=1", "Origin": "http://localhost:7777"},
        max_size=None,
        proxy=None,
    ) as websocket:
        assert websocket.subprotocol == "two"
        headers = websocket.recv()
        assert isinstance(headers, str)
        assert '"cookie":"a=1"' in headers.replace(" ", "")
        assert f"http://127.0.0.1:{upstream}" in headers
        assert "localhost:7777" not in headers
        for message in ("text", b"bytes", "x" * BIG):
            websocket.send(message)
            assert websocket.recv() == message


def test_websocket_close(front: int) -> None:
    """Code and reason of the upstream's close reach the client."""
    with connect(f"ws://127.0.0.1:{front}/echo", proxy=None) as websocket:
        websocket.recv()
        websocket.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "as you like")


def test_websocket_refused(front: int) -> None:
    """A websocket that the upstream refuses is refused."""
    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://127.0.0.1:{front}/refuse", proxy=None),
    ):
        pass


@contextmanager
def hanging_up() -> Iterator[tuple[int, list[bytes]]]:
    """An upstream that hangs up on the second request of each connection; what it was asked."""
    asked: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536).split()[0])
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                asked.append(connection.recv(65536)[:4].strip())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_question_is_asked_again_of_an_upstream_that_has_just_hung_up() -> None:
    """It ends connections that were long idle, at times in the moment that one is used."""
    with (
        hanging_up() as (port, asked),
        served(Door(lambda: port)) as front,
        httpx.Client(base_url=f"http://127.0.0.1:{front}", trust_env=False) as client,
    ):
        assert [client.get("/file").status_code for _ in range(3)] == [200, 200, 200]
        assert client.post("/file", content=b"x").status_code == 503
    assert [one for one in asked if one] == [b"GET"] * 5 + [b"POST"]


@pytest.mark.parametrize("port", [None, 9])
def test_not_up_yet(port: int | None) -> None:
    """Until the pages answer, a browser is told to wait and looks again by itself."""
    with (
        served(Door(lambda: port)) as front,
        httpx.Client(base_url=f"http://127.0.0.1:{front}", trust_env=False) as client,
    ):
        answer = client.get("/clusters")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert 'http-equiv="refresh"' in answer.text
        assert "//" not in answer.text.replace("<!doctype html>", "")
        assert client.post("/x").status_code == 503
        with (
            pytest.raises(InvalidStatus),
            connect(f"ws://127.0.0.1:{front}/_stcore/stream", proxy=None),
        ):
            pass


def test_what_a_page_does_by_itself_is_no_visit(upstream: int) -> None:
    """Pages that are asked for or used count, what an open page does by itself does not."""
    visits: list[int] = []
    used = BackMsg(rerun_script=ClientState(page_name="trace")).SerializeToString()
    alone = BackMsg(rerun_script=ClientState(is_auto_rerun=True)).SerializeToString()
    with (
        served(Door(lambda: upstream, lambda: visits.append(1))) as front,
        httpx.Client(base_url=f"http://127.0.0.1:{front}", trust_env=False) as client,
    ):
        client.get("/_stcore/health")
        with connect(f"ws://127.0.0.1:{front}/echo", proxy=None) as websocket:
            websocket.recv()
            for message in (alone, b"\xff", "text"):
                websocket.send(message)
                assert websocket.recv() == message
            assert visits == []
            websocket.send(used)
            assert websocket.recv() == used
            assert visits == [1]
        client.get("/clusters")
        assert visits == [1, 1]
