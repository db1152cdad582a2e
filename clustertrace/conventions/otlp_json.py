"""OTLP traces in JSON → raw spans.

The dictionaries are walked by hand: protobuf's own JSON reader takes the hex ids for base64, and
is twenty times slower. Whole numbers may be JSON numbers or strings, enums numbers or names.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from clustertrace.conventions.raw import Event, Origin, RawSpan, origin, times
from clustertrace.errors import BadInput
from clustertrace.wire import loads

__all__ = ["read_json"]

_KINDS: Final = {
    **dict.fromkeys((2, "2", "SPAN_KIND_SERVER"), "server"),
    **dict.fromkeys((3, "3", "SPAN_KIND_CLIENT"), "client"),
    **dict.fromkeys((4, "4", "SPAN_KIND_PRODUCER"), "producer"),
    **dict.fromkeys((5, "5", "SPAN_KIND_CONSUMER"), "consumer"),
}
_STATUS: Final = {
    **dict.fromkeys((1, "1", "STATUS_CODE_OK"), 1),
    **dict.fromkeys((2, "2", "STATUS_CODE_ERROR"), 2),
}
_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}\Z")
_SPAN_ID: Final = re.compile(r"[0-9a-fA-F]{16}\Z")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}\Z")
_NON_FINITE: Final = {"nan": "NaN", "infinity": "Infinity", "-infinity": "-Infinity"}


def read_json(body: bytes | bytearray) -> Iterator[RawSpan | str]:
    """Decode an ExportTraceServiceRequest: its spans, and for each unusable one the reason.

    Raises BadInput where the body is no trace request.
    """
    request = loads(body)
    del body  # what was read from it lives elsewhere, and it may be large
    if not isinstance(request, dict):
        raise BadInput("the body is no OTLP trace request: it must be a JSON object")
    for of_resource in _objects(request, "resourceSpans"):
        resource = _attributes(_object(of_resource, "resource").get("attributes"))
        for of_scope in _objects(of_resource, "scopeSpans"):
            scope = _object(of_scope, "scope")
            shared = origin(
                resource,
                _text(scope.get("name")),
                _text(scope.get("version")),
                _attributes(scope.get("attributes")),
            )
            for span in _list(of_scope, "spans"):
                try:
                    yield _span(span, shared)
                except BadInput as error:
                    yield f"{_label(span)}: {error}"
                except RecursionError:
                    yield f"{_label(span)}: its attributes are nested too deeply"


def _label(span: Any) -> str:
    return f"span {span.get('name')!r}" if isinstance(span, dict) else "a span"


def _span(span: Any, shared: Origin) -> RawSpan:
    if not isinstance(span, dict):
        raise BadInput("it is not a JSON object")
    get = span.get
    start, end = times(_whole(get("startTimeUnixNano")), _whole(get("endTimeUnixNano")))
    status = _object(span, "status")
    code = status.get("code")
    return RawSpan(
        _trace_id(get("traceId")),
        _span_id(get("spanId"), "span id"),
        _parent_id(get("parentSpanId")),
        _text(get("name")),
        start,
        end,
        _STATUS.get(code, 0) if isinstance(code, int | str) else 0,
        _text(status.get("message")),
        _attributes(get("attributes")),
        [_event(event) for event in _objects(span, "events")],
        _about(span),
        shared,
    )


def _event(event: Mapping[str, Any]) -> Event:
    return Event(
        _text(event.get("name")),
        _whole(event.get("timeUnixNano")),
        _attributes(event.get("attributes")),
    )


def _about(span: Mapping[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = {}
    kind = span.get("kind")
    named = _KINDS.get(kind) if isinstance(kind, int | str) else None
    if named is not None:
        about["otel.kind"] = named
    state = _text(span.get("traceState"))
    if state:
        about["otel.trace_state"] = state
    links = [_link(link) for link in _objects(span, "links")]
    if links:
        about["links"] = links
    return about


def _link(link: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "trace_id": _text(link.get("traceId")).lower(),
        "span_id": _text(link.get("spanId")).lower(),
    }
    attributes = _attributes(link.get("attributes"))
    if attributes:
        told["attributes"] = attributes
    return told


def _attributes(pairs: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for pair in pairs or ():
        if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
            raise BadInput('an attribute must be an object with a "key" that is a text')
        attributes[pair["key"]] = _value(pair.get("value"))
    return attributes


def _value(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadInput('a value must be an object such as {"stringValue": …}')
    for which, plain in value.items():
        if which == "stringValue":
            return _text(plain)
        if which == "intValue":
            return _whole(plain)
        if which == "boolValue":
            return plain is True or plain == "true"
        if which == "doubleValue":
            return _double(plain)
        if which == "arrayValue":
            return [_value(item) for item in _list(value[which], "values")]
        if which == "kvlistValue":
            return _attributes(_list(value[which], "values"))
        if which == "bytesValue":
            return _bytes(plain)
    return None


def _whole(value: Any) -> int:
    """A whole number, as JSON number or as string; missing is 0, as in protobuf."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if value is None or value == "":
        return 0
    if isinstance(value, str) and _WHOLE.match(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise BadInput(f"{str(value)[:40]!r} is not a whole number")


def _double(value: Any) -> float | str:
    if isinstance(value, str):
        named = _NON_FINITE.get(value.lower())
        if named:
            return named
        try:
            value = float(value)
        except ValueError:
            raise BadInput(f"{value[:40]!r} is not a number") from None
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise BadInput(f"{str(value)[:40]!r} is not a number")


def _bytes(value: Any) -> str:
    """Base64 in its standard alphabet, whichever of the two it came in."""
    text = _text(value).replace("-", "+").replace("_", "/")
    try:
        return base64.b64encode(base64.b64decode(text + "=" * (-len(text) % 4))).decode()
    except (binascii.Error, ValueError):
        raise BadInput("a bytesValue is not base64") from None


def _trace_id(value: Any) -> str:
    if not isinstance(value, str) or not _TRACE_ID.match(value) or not value.strip("0"):
        raise BadInput("its trace id is not 32 hex digits, or all zero")
    return value.lower()


def _span_id(value: Any, what: str) -> str:
    if not isinstance(value, str) or not _SPAN_ID.match(value) or not value.strip("0"):
        raise BadInput(f"its {what} is not 16 hex digits, or all zero")
    return value.lower()


def _parent_id(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip("0")):
        return None
    return _span_id(value, "parent's id")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise BadInput(f"{str(value)[:40]!r} is not a text")


def _list(holder: Any, key: str) -> list[Any]:
    found = holder.get(key) if isinstance(holder, dict) else None
    if found is None:
        return []
    if not isinstance(found, list):
        raise BadInput(f"{key} must be a list")
    return found


def _objects(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = _list(holder, key)
    if not all(isinstance(item, dict) for item in found):
        raise BadInput(f"{key} must be a list of objects")
    return found


def _object(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(f"{key} must be an object")
    return found
