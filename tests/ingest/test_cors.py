"""What pages in a browser may send: asked as a browser asks, and by a real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from starlette.datastructures import Headers

from clustertrace.ingest.cors import local_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

ASKING = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,x-team",
}


@pytest.mark.parametrize(
    ("origin", "local"),
    [
        ("http://localhost:3000", True),
        ("https://localhost:5173", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:8080", True),
        ("http://LOCALHOST:3000", True),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://evil.example@localhost", False),
        ("http://192.168.1.5:3000", False),
        ("chrome-extension://localhost", False),
        ("http://[::1", False),
        ("http://localhost/path", False),
        ("null", False),
        ("", False),
    ],
)
def test_whose_page(origin: str, local: bool) -> None:
    """Only pages served on this machine's own addresses count as local."""
    found = local_page("/v1/traces", Headers({"origin": origin}))
    assert found == (origin if local else None)


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        *((path, True) for path in ("/v1/traces", "/v1/logs/", "/otel/v1/metrics")),
        *((path, False) for path in ("/v1/spans", "/healthz", "/", "/v1/traces/x", "/v1/tracesx")),
    ],
)
def test_which_addresses(shared_receiver: Any, path: str, taken: bool) -> None:
    """A local page hears that it may send to OTLP's addresses, and to no others."""
    headers = {**ASKING, "Origin": "http://localhost:3000"}
    answer = shared_receiver.http.options(path, headers=headers)
    assert (answer.status_code == 204) is taken
    allowed = {
        name: value for name, value in answer.headers.items() if name.startswith("access-con")
    }
    assert allowed == (
        {
            "access-control-allow-origin": "http://localhost:3000",
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": "content-type, content-encoding, authorization, "
            "traceparent, content-type,x-team",
            "access-control-max-age": "600",
        }
        if taken
        else {}
    )


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://10.0.0.7:3000"])
def test_foreign_pages_get_nothing(shared_receiver: Any, origin: str) -> None:
    """A page of another site is told nothing that would let it send or read."""
    answer = shared_receiver.http.options("/v1/traces", headers={**ASKING, "Origin": origin})
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_rebound_name_is_refused(shared_receiver: Any) -> None:
    """The Host must be ours, whatever the Origin says."""
    headers = {**ASKING, "Origin": "http://localhost:3000", "Host": "evil.example"}
    answer = shared_receiver.http.options("/v1/traces", headers=headers)
    assert answer.status_code == 421


def test_odd_header_names_are_not_repeated(shared_receiver: Any) -> None:
    """Only names of headers are allowed back into the answer."""
    headers = {**ASKING, "Origin": "http://localhost:3000"}
    headers["Access-Control-Request-Headers"] = "x-a; <script>"
    answer = shared_receiver.http.options("/v1/traces", headers=headers)
    assert answer.headers["access-control-allow-headers"].endswith("traceparent")


@pytest.fixture
def site() -> Iterator[str]:
    """Another server on this machine, with an empty page."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.browser
def test_a_page_sends(
    shared_receiver: Any, otlp_json: Callable[..., bytes], page: Page, site: str
) -> None:
    """A real page of another local server sends by fetch and, as on leaving, by beacon."""
    page.goto(site)
    send = """([url, body]) => fetch(url, {method: "POST", body, headers:
        {"Content-Type": "application/json", "X-Team": "a"}}).then(answer => answer.text())"""
    beacon = """([url, body]) =>
        navigator.sendBeacon(url, new Blob([body], {type: "application/json"}))"""
    url = shared_receiver.url + "/v1/traces"
    assert page.evaluate(send, [url, otlp_json(1, 901).decode()]) == "{}"
    assert page.evaluate(beacon, [url, otlp_json(1, 902).decode()])
    wanted = {f"{901:032x}", f"{902:032x}"}
    shared_receiver.until(lambda: wanted <= {one.trace_id for one in shared_receiver.traces()})
