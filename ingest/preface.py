"""Recognise gRPC clients on the HTTP port by their first bytes, and answer with advice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["protocol_with_advice"]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What an HTTP/2 client without TLS sends first. https://www.rfc-editor.org/rfc/rfc9113#preface"""


def protocol_with_advice(advice: Callable[[], str]) -> type[Any]:
    """uvicorn's protocol, which answers HTTP/2 with `advice`, and logs it once."""
    is_logged = False

    class Listening(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
        _first: bytes | None = b""
        """The bytes so far, while they may still become the preface."""

        def data_received(self, data: bytes) -> None:
            if self._first is None:
                super().data_received(data)
                return
            self._first += data
            if self._first.startswith(PREFACE):
                self._refuse()
            elif not PREFACE.startswith(self._first):
                data, self._first = self._first, None
                super().data_received(data)

        def _refuse(self) -> None:
            nonlocal is_logged
            message = advice()
            if not is_logged:
                is_logged = True
                print(f"clustertrace: {message}", file=sys.stderr)  # noqa: T201 - the log
            # In HTTP/1.1: after a valid HTTP/2 response the client would reconnect forever.
            self.transport.write(_answer(message))
            self.transport.close()

    return Listening


def _answer(message: str) -> bytes:
    body = f"{message}\n".encode()
    head = (
        "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
