"""The receiver: OTLP/HTTP, native spans, health, deep links; everything else goes to the pages."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from clustertrace.ingest.body import Room
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.exposition import CONTENT_TYPE, exposition
from clustertrace.ingest.figures import figures
from clustertrace.ingest.incoming import Incoming, Intake
from clustertrace.ingest.otlp_answers import JSON, PROTOBUF, accepted
from clustertrace.ingest.signals import SIGNALS, SLICE, keep
from clustertrace.store.place import Place
from clustertrace.store.store import Store
from clustertrace.version import __version__
from clustertrace.wire import parse_lines

__all__ = ["State", "receiver"]

_PROTOBUF_TYPES: Final = frozenset({"application/x-protobuf", "application/protobuf"})
_OTLP_TYPES: Final = _PROTOBUF_TYPES | {"application/json"}
_LINE_TYPES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/json"}
)
_OTLP_HINT: Final = "send OTLP as application/x-protobuf or application/json."
_LINE_HINT: Final = "send one JSON object a line as application/x-ndjson."
_NO_STORE: Final = {"Cache-Control": "no-store"}
_ANY_METHOD: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class _Endpoints:
    """The handlers for each kind of request."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    def otlp(self, signal: str) -> Callable[[Incoming], Awaitable[Response]]:
        """The handler for OTLP traces, logs or metrics, which answers once all are on disk."""
        of_protobuf, of_json = SIGNALS[signal]

        async def take(incoming: Incoming) -> Response:
            media = _otlp_media(incoming)
            decode = of_protobuf if media == PROTOBUF else of_json
            rejected = await keep(self._committer, decode(await incoming.body(), SLICE))
            return accepted(signal, media, rejected)

        return take

    async def spans(self, incoming: Incoming) -> Response:
        """Take native spans, one JSON object per line, as recorders write them."""
        incoming.must_be(_LINE_TYPES, _LINE_HINT)
        lines = bytes(await incoming.body()).split(b"\n")
        stored = 0
        rejected: list[dict[str, Any]] = []
        for start in range(0, len(lines), SLICE):
            parsed = parse_lines(lines[start : start + SLICE])
            if parsed.batch.spans or parsed.batch.facts:
                await self._committer.commit(parsed.batch)
            stored += len(parsed.batch.spans)
            self._committer.rejected += len(parsed.bad)
            rejected += [{"line": start + line, "reason": reason} for line, reason in parsed.bad]
        return JSONResponse({"accepted": stored, "rejected": rejected})


class State(NamedTuple):
    """What /healthz and /metrics report about the process."""

    place: Place | None = None
    ui: Callable[[], str] = lambda: "off"
    """The state of the pages: `off`, `asleep`, `starting`, `ready`."""
    grpc: Callable[[], int | None] = lambda: None
    """The port for OTLP/gRPC, if it is open."""
    idle_minutes: float | None = None
    """After how long without work the process exits; None if it does not."""
    store: Callable[[], Store | None] = lambda: None
    """None while it is being opened."""


class _ForPrograms(Route):
    """A route for programs; browsers, which accept HTML, get the page at the same path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if "text/html" in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        return super().matches(scope)


def receiver(
    committer: Committer,
    state: State,
    *,
    limit: int,
    room: Room,
    pages: ASGIApp | None = None,
) -> FastAPI:
    """Build the application.

    `limit` is the largest body in bytes, `room` the memory for all bodies together; `pages` serves
    every other path.
    """
    # No generated documentation: its pages load scripts from another host.
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    intake = Intake(limit, room)
    _add_endpoints(app, _Endpoints(committer), intake)

    @app.get("/healthz")
    async def healthz() -> Response:
        return JSONResponse(_health(committer, state), headers=_NO_STORE)

    async def metrics(request: Request) -> Response:
        current = await asyncio.to_thread(
            figures, committer, intake.answers, state.place, state.store()
        )
        return Response(exposition(current), headers=_NO_STORE, media_type=CONTENT_TYPE)

    route_type = Route if pages is None else _ForPrograms
    app.router.routes.append(route_type("/metrics", metrics, methods=["GET"]))

    @app.get("/trace/{trace_id}")
    async def trace(trace_id: str) -> Response:
        return RedirectResponse(f"/trace?id={quote(trace_id, safe='')}", 307)

    @app.get("/pattern/{pattern_id}")
    async def pattern(pattern_id: str) -> Response:
        return RedirectResponse(f"/pattern?id={quote(pattern_id, safe='')}", 307)

    if pages is not None:
        app.mount("/", pages)
    return app


def _add_endpoints(app: FastAPI, endpoints: _Endpoints, intake: Intake) -> None:
    """Take what programs send, at each address that they may have for it."""
    spans = intake.endpoint("spans", endpoints.spans)
    otlp = {signal: intake.endpoint(signal, endpoints.otlp(signal)) for signal in SIGNALS}
    for slash in ("", "/"):
        app.add_route(f"/v1/spans{slash}", spans, _ANY_METHOD)
        # Some tools append their vendor's own path to the given address.
        for prefix in ("", "/{prefix:path}"):
            for signal, endpoint in otlp.items():
                app.add_route(f"{prefix}/v1/{signal}{slash}", endpoint, _ANY_METHOD)


def _health(committer: Committer, state: State) -> dict[str, Any]:
    return {
        "status": "trouble" if committer.trouble else "ok",
        "trouble": committer.trouble,
        "version": __version__,
        "pid": os.getpid(),
        "db": state.place and state.place.name,
        "ui": state.ui(),
        "grpc": state.grpc(),
        "idle_shutdown_minutes": state.idle_minutes,
        "spans_waiting": committer.waiting,
        "spans_stored": committer.stored,
    }


def _otlp_media(incoming: Incoming) -> str:
    """The encoding of an OTLP request, which is also that of the answer."""
    if incoming.media_type in _PROTOBUF_TYPES:
        incoming.answer_in = PROTOBUF
    incoming.must_be(_OTLP_TYPES, _OTLP_HINT)
    return incoming.answer_in if incoming.media_type in _PROTOBUF_TYPES else JSON
