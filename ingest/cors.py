"""Let pages of this machine send OTLP from a browser; pages of other sites may not.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from clustertrace.ingest.signals import SIGNALS
from clustertrace.telling.addresses import loopback

__all__ = ["cors_headers", "is_preflight", "local_page"]

_OTLP: Final = re.compile(rf"/v1/(?:{'|'.join(SIGNALS)})/?\Z")
_HEADER_NAMES: Final = re.compile(r"[\w-]+(?: *, *[\w-]+)*", re.ASCII)
_ALLOWED_HEADERS: Final = "content-type, content-encoding, authorization, traceparent"
_MAX_AGE_SECONDS: Final = 600


def local_page(path: str, headers: Headers) -> str | None:
    """The origin of a request for an OTLP path, if it is a page of this machine."""
    origins = headers.getlist("origin")
    if len(origins) != 1 or not _OTLP.search(path):
        return None
    try:
        parts = urlsplit(origins[0])
        is_local = parts.scheme in ("http", "https") and loopback(parts.hostname or "")
    except ValueError:
        return None
    return origins[0] if is_local and not (parts.path or parts.query or parts.username) else None


def is_preflight(method: str, headers: Headers) -> bool:
    """Whether a request is a browser's preflight."""
    return method == "OPTIONS" and "access-control-request-method" in headers


def cors_headers(page: str, headers: Headers) -> dict[str, str]:
    """The headers that let a page send, with any headers of its own, and read the answer."""
    wanted = headers.get("access-control-request-headers", "")
    return {
        "access-control-allow-origin": page,
        # Beacons always send credentials, and are dropped without this.
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": (
            f"{_ALLOWED_HEADERS}, {wanted}" if _HEADER_NAMES.fullmatch(wanted) else _ALLOWED_HEADERS
        ),
        "access-control-max-age": str(_MAX_AGE_SECONDS),
        "vary": "Origin",
    }
