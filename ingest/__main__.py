"""`python -m clustertrace.ingest`: the receiver and the door to the pages, in the foreground.

Exit code 2, with one sentence on standard error, when it can't serve.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from clustertrace.errors import ClustertraceError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until asked to stop; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m clustertrace.ingest",
        description="Receive spans, and serve the pages, on one port.",
    )
    parser.add_argument("--host", default="localhost", help="address to listen on")
    parser.add_argument("--port", type=int, default=7777, help="port; 0 takes a free one")
    parser.add_argument(
        "--grpc-port", type=int, default=None, help="port for OTLP/gRPC; 0 takes a free one"
    )
    parser.add_argument(
        "--url", default=None, help="its public address behind a proxy; everybody needs the key"
    )
    parser.add_argument("--db", default=None, help="database: a path or an SQLAlchemy URL")
    parser.add_argument("--no-ui", action="store_true", help="receive only, without the pages")
    parser.add_argument(
        "--idle-shutdown-minutes",
        type=float,
        default=None,
        metavar="MINUTES",
        help="start the pages on demand, and exit after this long without work",
    )
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except ClustertraceError as error:
        print(f"Error: {error}", file=sys.stderr)  # noqa: T201 - what this program says
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    from clustertrace.ingest.sockets import listen

    sockets = listen(options.host, options.port)
    print(  # noqa: T201 - what this program says
        f"clustertrace receives at http://localhost:{sockets[0].getsockname()[1]}",
        file=sys.stderr,
        flush=True,
    )

    # Only now: loading this takes half a second, and clients may connect meanwhile.
    from clustertrace.ingest.server import serve

    serve(
        sockets,
        options.host,
        options.db,
        pages=not options.no_ui,
        idle_minutes=options.idle_shutdown_minutes,
        grpc_port=options.grpc_port,
        url=options.url,
    )


if __name__ == "__main__":
    sys.exit(main())
