"""An OTLP request in JSON, taken apart: resources, their scopes, and what these sent.

Traces, logs and metrics come in one shape, as in protobuf (clustertrace.conventions.otlp.walk). A
small request is parsed whole. A large one would take eight times its size in memory: its items are
left as text, and parsed one at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from clustertrace.conventions.otlp.json_values import list_of, object_of, objects_of
from clustertrace.errors import BadInput
from clustertrace.wire import loads

if TYPE_CHECKING:
    import msgspec

__all__ = ["LARGE", "Kind", "Scope", "scopes"]

LARGE: Final = 1 << 20
"""Bytes from which on a request is not parsed whole."""


class Kind(NamedTuple):
    """A kind of request: what it is called, and the names of its lists."""

    title: str
    resources: str
    scopes: str
    items: str


class Scope(NamedTuple):
    """What one instrumentation scope of one resource sent."""

    resource: Mapping[str, Any]
    scope: Mapping[str, Any]
    items: Iterator[Any]
    """Spans, log records or metrics; None for each that can't be parsed."""


def scopes(body: bytes | bytearray, kind: Kind, large: int = LARGE) -> Iterator[Scope]:
    """The scopes of a request, in order; read the items of one before the next.

    A request of `large` bytes or more is not parsed whole. Raises BadInput where the body is no
    such request.
    """
    frame = _decode_frame(body, kind) if len(body) >= large else None
    if frame is not None:
        del body  # the items hold it
        yield from _scopes_of_frame(frame)
        return
    request = loads(body)
    del body  # what was read from it lives elsewhere
    if not isinstance(request, dict):
        raise BadInput(f"the body is not an OTLP {kind.title} request: it must be a JSON object")
    for of_resource in objects_of(request, kind.resources):
        for of_scope in objects_of(of_resource, kind.scopes):
            yield Scope(
                object_of(of_resource, "resource"),
                object_of(of_scope, "scope"),
                iter(list_of(of_scope, kind.items)),
            )


def _decode_frame(body: bytes | bytearray, kind: Kind) -> Any:
    """The lists of a request, with everything in them as it is written.

    None where it is not in the usual shape: read whole, it is understood, or told what is wrong.
    """
    from msgspec import DecodeError

    try:
        return _decoder(kind).decode(body)
    except DecodeError:
        return None


@cache
def _decoder(kind: Kind) -> msgspec.json.Decoder[Any]:
    from msgspec import Raw, defstruct, json

    written = Raw(b"null")
    scope = defstruct(
        "Scope",
        [("scope", Raw, written), ("items", list[Raw] | None, None)],
        rename={"items": kind.items},
    )
    resource = defstruct(
        "Resource",
        [("resource", Raw, written), ("scopes", list[scope] | None, None)],  # type: ignore[valid-type]
        rename={"scopes": kind.scopes},
    )
    request = defstruct(
        "Request",
        [("resources", list[resource] | None, None)],  # type: ignore[valid-type]
        rename={"resources": kind.resources},
    )
    return json.Decoder(request)


def _scopes_of_frame(frame: Any) -> Iterator[Scope]:
    for of_resource in frame.resources or ():
        resource = object_of({"resource": loads(bytes(of_resource.resource))}, "resource")
        for of_scope in of_resource.scopes or ():
            scope = object_of({"scope": loads(bytes(of_scope.scope))}, "scope")
            yield Scope(resource, scope, map(_parse_item, of_scope.items or ()))


def _parse_item(written: Any) -> Any:
    try:
        return loads(bytes(written))
    except BadInput:
        return None
