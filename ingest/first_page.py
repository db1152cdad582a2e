"""The document that the pages' server returns for every page, told its own address.

Left to itself, it looks for its server below its own address first (`/clusters/_stcore/health`)
and takes a 404 for no: two round trips, and two errors in the browser's console.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["asked_for", "rewritten"]

Headers = Sequence[tuple[bytes, bytes]]

_HEAD: Final = b"<head>"
_TOLD: Final = b"<script>window.__streamlit={BACKEND_BASE_URL:location.origin}</script>"
_OF_THE_OLD_BODY: Final = frozenset([b"content-length", b"etag", b"last-modified"])


def asked_for(method: str, path: str, headers: Headers) -> bool:
    """Whether a browser opens a page: not a part of one, nor a component's own frame."""
    if method != "GET" or path.startswith(("/component/", "/_stcore/")):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in headers)


def rewritten(headers: Headers, body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The answer as the browser gets it; headers in lower case. One without a head stays."""
    if _HEAD not in body:
        return list(headers), body
    told = body.replace(_HEAD, _HEAD + _TOLD, 1)
    kept = [(name, value) for name, value in headers if name not in _OF_THE_OLD_BODY]
    return [*kept, (b"content-length", str(len(told)).encode())], told
