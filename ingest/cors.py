"""Pages of this machine may send OTLP from a browser; pages of other sites get nothing.

https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from clustertrace.ingest.signals import SIGNALS
from clustertrace.telling.addresses import loopback

__all__ = ["asks_first", "local_page", "sharing"]

_OTLP: Final = re.compile(rf"/v1/(?:{'|'.join(SIGNALS)})/?\Z")
_NAMES: Final = re.compile(r"[\w-]+(?: *, *[\w-]+)*", re.ASCII)
_USUAL: Final = "content-type, content-encoding, authorization, traceparent"
_REMEMBERED_SECONDS: Final = 600


def local_page(path: str, headers: Headers) -> str | None:
    """The origin of the page that asks for an OTLP address, if it is one of this machine's."""
    origins = headers.getlist("origin")
    if len(origins) != 1 or not _OTLP.search(path):
        return None
    try:
        told = urlsplit(origins[0])
        local = told.scheme in ("http", "https") and loopback(told.hostname or "")
    except ValueError:
        return None
    return origins[0] if local and not (told.path or told.query or told.username) else None


def asks_first(method: str, headers: Headers) -> bool:
    """Whether this is a browser's question before it sends, a preflight."""
    return method == "OPTIONS" and "access-control-request-method" in headers


def sharing(page: str, headers: Headers) -> dict[str, str]:
    """The headers that let that page send, with any header of its own, and read the answer."""
    wanted = headers.get("access-control-request-headers", "")
    return {
        "access-control-allow-origin": page,
        # Beacons always carry them, and are dropped without this.
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": (
            f"{_USUAL}, {wanted}" if _NAMES.fullmatch(wanted) else _USUAL
        ),
        "access-control-max-age": str(_REMEMBERED_SECONDS),
        "vary": "Origin",
    }
