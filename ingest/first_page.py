"""Add the server's address to the document that Streamlit returns for every page.

Without it, the document looks for its server below its own address first
(`/clusters/_stcore/health`) and goes on after a 404: two round trips, and two errors in the
browser's console.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["is_requested", "rewritten"]

Headers = Sequence[tuple[bytes, bytes]]

_HEAD: Final = b"<head>"
_BASE_URL_SCRIPT: Final = b"<script>window.__streamlit={BACKEND_BASE_URL:location.origin}</script>"
_BODY_HEADERS: Final = frozenset([b"content-length", b"etag", b"last-modified"])


def is_requested(method: str, path: str, headers: Headers) -> bool:
    """Whether a browser opens a page, not a part of one or a component's frame."""
    if method != "GET" or path.startswith(("/component/", "/_stcore/")):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in headers)


def rewritten(headers: Headers, body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The response for the browser, with headers in lower case; unchanged without a `<head>`."""
    if _HEAD not in body:
        return list(headers), body
    new_body = body.replace(_HEAD, _HEAD + _BASE_URL_SCRIPT, 1)
    kept_headers = [(name, value) for name, value in headers if name not in _BODY_HEADERS]
    return [*kept_headers, (b"content-length", str(len(new_body)).encode())], new_body
