"""The public port's sockets."""

from __future__ import annotations

import socket
from contextlib import closing

from clustertrace.ingest.sockets import listen


def test_a_client_that_vanishes_is_let_go() -> None:
    """Every connection asks after a silent other side, within minutes instead of hours."""
    for listener in listen("localhost", 0):
        with closing(listener), socket.create_connection(listener.getsockname()[:2]):
            served, _ = listener.accept()
            with served:
                assert served.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                if hasattr(socket, "TCP_KEEPIDLE"):
                    assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
