"""The values of OTLP in protobuf, as the same plain values that OTLP/JSON gives."""

from __future__ import annotations

import base64
import math
from typing import Any

__all__ = ["attributes_of", "value_of"]


def attributes_of(pairs: Any) -> dict[str, Any]:
    """A list of keys with values, as a dictionary of plain values."""
    # Most values are texts and numbers, and asking for these costs half of asking which kind it is.
    return {
        pair.key: (value := pair.value).string_value or value.int_value or value_of(value)
        for pair in pairs
    }


def value_of(value: Any) -> Any:
    """An AnyValue as a plain value: bytes in base64, numbers that JSON has not by their names."""
    double: float = value.double_value
    if double and math.isfinite(double):
        return double
    which = value.WhichOneof("value")
    if which is None:
        return None
    plain = getattr(value, which)
    if which == "array_value":
        return [value_of(item) for item in plain.values]
    if which == "kvlist_value":
        return {pair.key: value_of(pair.value) for pair in plain.values}
    if which == "bytes_value":
        return base64.b64encode(plain).decode()
    if which == "double_value" and not math.isfinite(plain):
        return "NaN" if math.isnan(plain) else "Infinity" if plain > 0 else "-Infinity"
    return plain
