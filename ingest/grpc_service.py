"""OTLP over gRPC, the extra `clustertrace[grpc]`, with decoding, commits and limits as over HTTP.

https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
"""

from __future__ import annotations

import asyncio
import hmac
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.util import find_spec
from typing import Any, Final

from clustertrace.errors import BadInput, ClustertraceError, ServeError, TooLarge
from clustertrace.ingest.body import SMALL, Room, Seat, read_body
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.otlp_answers import accepted_message, retry_info, status
from clustertrace.ingest.signals import SIGNALS, SLICE, Signal, keep
from clustertrace.ingest.sockets import listen
from clustertrace.keys import bearer

__all__ = ["GrpcService", "advice"]

_SERVICES: Final = {
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
}

READ_SECONDS: Final = 5.0
"""How long a message may take to arrive once it is its turn."""

_STOP_SECONDS: Final = 1.0
_LOCAL_PEERS: Final = ("ipv4:127.", "ipv6:%5B::1%5D:", "ipv6:[::1]:")
_NO_KEY: Final = "This receiver asks other machines for its key: send authorization: Bearer KEY."
_GZIP_MAGIC: Final = b"\x1f\x8b"

_Handler = Callable[[AsyncIterator[bytes], Any], Awaitable[bytes]]


def advice(port: int | None) -> str:
    """The advice for a gRPC client on the HTTP port; `port` is the gRPC port, if it is open."""
    if port is not None:
        alternative = f"send gRPC to localhost:{port}"
    elif _installed():
        alternative = "start the dashboard with --grpc-port 4317 and send gRPC there"
    else:
        alternative = "install clustertrace[grpc] and send gRPC to localhost:4317"
    return (
        "A gRPC client connected to the HTTP port. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf "
        f"where it runs, or {alternative}."
    )


def _installed() -> bool:
    return find_spec("grpc") is not None


class GrpcService:
    """Takes OTLP/gRPC once it is started; `limit` is the largest message in bytes.

    `key` is required from other machines, and from this one too if `everybody` is true; None if
    only this machine can connect.
    """

    def __init__(
        self,
        committer: Committer,
        *,
        limit: int,
        room: Room,
        key: str | None = None,
        everybody: bool = False,
    ) -> None:
        self._key = key
        self._everybody = everybody
        self._committer = committer
        self._limit = limit
        self._room = room
        self._reading = asyncio.Lock()
        self._server: Any = None
        self.port: int | None = None
        """The port it listens on; None while it does not."""

    async def start(self, host: str, port: int) -> None:
        """Start listening; port 0 takes a free one. Raises ServeError if that fails."""
        if not _installed():
            raise ServeError("it needs grpcio; install it with: pip install 'clustertrace[grpc]'.")
        # gRPC would only say that it failed; these sockets find out why, and find a free port.
        sockets = listen(host, port, "--grpc-port")
        addresses = [_grpc_address(listener) for listener in sockets]
        for listener in sockets:
            listener.close()
        os.environ.setdefault("GRPC_VERBOSITY", "NONE")
        import grpc

        server = grpc.aio.server(
            options=[
                # Otherwise two receivers could share the port, each getting half of the spans.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", self._limit),
                # Messages stay compressed, so that we can limit their decompressed size.
                ("grpc.per_message_decompression", 0),
                ("grpc.http2.bdp_probe", 0),
            ]
        )
        server.add_generic_rpc_handlers(
            [
                # A single message is a short stream on the wire. Handled as a stream, it stays with
                # its sender until we read it.
                grpc.method_handlers_generic_handler(
                    name,
                    {"Export": grpc.stream_unary_rpc_method_handler(self._export(signal))},
                )
                for signal, name in _SERVICES.items()
            ]
        )
        for address in addresses:
            try:
                server.add_insecure_port(address)
            except RuntimeError:
                raise ServeError(f"{address} can't be listened on.") from None
        await server.start()
        self._server, self.port = server, int(addresses[0].rpartition(":")[2])

    async def stop(self) -> None:
        """Finish running calls, then stop listening."""
        if self._server is not None:
            self.port = None
            await self._server.stop(_STOP_SECONDS)

    def _export(self, name: str) -> _Handler:
        signal = SIGNALS[name]

        async def export(requests: AsyncIterator[bytes], context: Any) -> bytes:
            if self._key is not None and not self._admitted(context, self._key):
                from grpc import StatusCode

                await context.abort(StatusCode.UNAUTHENTICATED, _NO_KEY)
            try:
                return accepted_message(name, await self._take(signal, context))
            except Exception as error:
                await _abort_call(context, error)
                raise

        return export

    def _admitted(self, call: Any, key: str) -> bool:
        """Whether a call has the key, or does not need it."""
        if not self._everybody and call.peer().startswith(_LOCAL_PEERS):
            return True
        authorization = dict(call.invocation_metadata() or ()).get("authorization", "")
        return isinstance(authorization, str) and hmac.compare_digest(
            authorization.encode(), bearer(key).encode()
        )

    async def _take(self, signal: Signal, call: Any) -> list[str]:
        """Store a request; returns why each rejected span or record was rejected."""
        with self._room.seat() as seat:
            # gRPC reveals a message's size only once it has all of it, so one is read at a time.
            async with self._reading:
                body = await self._read(call, seat)
                is_large = len(body) > SMALL
                storing = keep(self._committer, signal.of_protobuf(body, SLICE))
                del body
                if is_large:
                    return await storing
            return await storing

    async def _read(self, call: Any, seat: Seat) -> bytes | bytearray:
        async with asyncio.timeout(READ_SECONDS):
            message = await call.read() or b""
        # gRPC does not say which messages are compressed, but no OTLP message starts like this.
        if message.startswith(_GZIP_MAGIC):
            return await read_body(_chunks(message), "gzip", self._limit, seat)
        await seat.grow(len(message))
        return message


async def _chunks(message: bytes) -> AsyncIterator[bytes]:
    yield message


async def _abort_call(context: Any, error: Exception) -> None:
    """End the call with a status that tells senders whether to try again, and when."""
    from grpc import StatusCode

    message = str(error)
    detail = b""
    if isinstance(error, TooLarge):
        code = StatusCode.RESOURCE_EXHAUSTED
    elif isinstance(error, BadInput):
        code = StatusCode.INVALID_ARGUMENT
    elif isinstance(error, ClustertraceError):
        # The database is busy, full or broken: the data is good, so the sender should keep it.
        code, detail = StatusCode.UNAVAILABLE, retry_info()
    elif isinstance(error, TimeoutError):
        code, message = StatusCode.DEADLINE_EXCEEDED, "The message took too long to arrive."
    else:
        code, message = StatusCode.INTERNAL, "This request can't be stored; the log says why."
        print(f"clustertrace: a request failed: {error!r}", file=sys.stderr)  # noqa: T201 - the log
    metadata = {"grpc-status-details-bin": status(code.value[0], message, detail)}
    if detail:
        # The Python exporter looks here.
        metadata["google.rpc.retryinfo-bin"] = detail
    await context.abort(code, message, tuple(metadata.items()))


def _grpc_address(listener: Any) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
