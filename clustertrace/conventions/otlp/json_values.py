"""The values of OTLP/JSON: attributes, numbers that may be texts, ids in hex.

Whole numbers may be JSON numbers or strings. Everything here raises BadInput, with what is wrong,
for a value of the wrong kind.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.errors import BadInput

__all__ = [
    "attributes_of",
    "list_of",
    "object_of",
    "objects_of",
    "span_id_of",
    "text_of",
    "trace_id_of",
    "value_of",
    "whole",
]

_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}\Z")
_SPAN_ID: Final = re.compile(r"[0-9a-fA-F]{16}\Z")
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}\Z")
_NON_FINITE: Final = {"nan": "NaN", "infinity": "Infinity", "-infinity": "-Infinity"}


def attributes_of(pairs: Any) -> dict[str, Any]:
    """A list of keys with values, as a dictionary of plain values."""
    attributes: dict[str, Any] = {}
    if not isinstance(pairs, list | None):
        raise BadInput("attributes must be a list")
    for pair in pairs or ():
        if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
            raise BadInput('an attribute must be an object with a "key" that is a text')
        attributes[pair["key"]] = value_of(pair.get("value"))
    return attributes


def value_of(value: Any) -> Any:
    """An AnyValue as a plain value."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadInput('a value must be an object such as {"stringValue": …}')
    for which, plain in value.items():
        if which == "stringValue":
            return text_of(plain)
        if which == "intValue":
            return whole(plain)
        if which == "boolValue":
            return plain is True or plain == "true"
        if which == "doubleValue":
            return _double(plain)
        if which == "arrayValue":
            return [value_of(item) for item in list_of(value[which], "values")]
        if which == "kvlistValue":
            return attributes_of(list_of(value[which], "values"))
        if which == "bytesValue":
            return _bytes(plain)
    return None


def whole(value: Any) -> int:
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
    text = text_of(value).replace("-", "+").replace("_", "/")
    try:
        return base64.b64encode(base64.b64decode(text + "=" * (-len(text) % 4))).decode()
    except (binascii.Error, ValueError):
        raise BadInput("a bytesValue is not base64") from None


def trace_id_of(value: Any) -> str:
    """A trace id in lower-case hex."""
    if not isinstance(value, str) or not _TRACE_ID.match(value) or not value.strip("0"):
        raise BadInput("its trace id is not 32 hex digits, or all zero")
    return value.lower()


def span_id_of(value: Any, what: str) -> str:
    """A span id in lower-case hex; `what` names it where it is none."""
    if not isinstance(value, str) or not _SPAN_ID.match(value) or not value.strip("0"):
        raise BadInput(f"its {what} is not 16 hex digits, or all zero")
    return value.lower()


def text_of(value: Any) -> str:
    """A text; missing is empty."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise BadInput(f"{str(value)[:40]!r} is not a text")


def list_of(holder: Any, key: str) -> list[Any]:
    """The list under a key; missing is empty."""
    found = holder.get(key) if isinstance(holder, dict) else None
    if found is None:
        return []
    if not isinstance(found, list):
        raise BadInput(f"{key} must be a list")
    return found


def objects_of(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The list of objects under a key."""
    found = list_of(holder, key)
    if not all(isinstance(item, dict) for item in found):
        raise BadInput(f"{key} must be a list of objects")
    return found


def object_of(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under a key; missing is empty."""
    found = holder.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(f"{key} must be an object")
    return found
