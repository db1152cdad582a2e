"""A gRPC client on the HTTP port: recognised by its first bytes, and told what to set instead."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.http.auto import AutoHTTPProtocol

__all__ = ["protocol_that_tells"]

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What an HTTP/2 client without TLS sends first. https://www.rfc-editor.org/rfc/rfc9113#preface"""


def protocol_that_tells(advice: Callable[[], str]) -> type[Any]:
    """uvicorn's protocol, but HTTP/2 is answered with `advice`, which is logged once as well."""
    told = False

    class Listening(AutoHTTPProtocol):  # type: ignore[misc,valid-type]
        _first: bytes | None = b""
        """What came so far, as long as it may still become the preface."""

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
            nonlocal told
            message = advice()
            if not told:
                told = True
                print(f"clustertrace: {message}", file=sys.stderr)  # noqa: T201 - the log
            # In HTTP/1.1: a client that got as far as HTTP/2 would connect again at once, for ever.
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
