"""Values of JSON's own types → JSON text, fast: most of what is recorded is small and plain.

A walk that ends where the space does says whether a value is plain and fits; the C encoder does the
rest. Everything else is for clustertrace.record.rebuilding.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

__all__ = ["MAX_DEPTH", "NODE_BYTES", "encode", "plain_text", "quoted"]

MAX_DEPTH: Final = 32
"""How deep a value is followed."""

NODE_BYTES: Final = 4
"""What a node is reckoned to take beside its text."""

_FEW: Final = 8

_LONE: Final = re.compile(
    r"\\ud(?:"
    r"[89ab]..(?!\\ud[c-f])"
    r"|[c-f](?<!\\ud[89ab]..\\ud[c-f])"
    r"|(?<=\\\\ud)"
    r")"
)
"""Half of a surrogate pair, which no UTF-8 can hold, in JSON text; or what might hide one."""


def _encoder() -> Callable[[Any], str]:
    """JSON's C encoder, made once: `JSONEncoder.encode` makes one anew at each call (2 µs)."""
    separators = (",", ":")
    plain = json.JSONEncoder(check_circular=False, allow_nan=False, separators=separators)
    make = getattr(json.encoder, "c_make_encoder", None)  # absent where C is
    if make is None:
        return plain.encode
    pieces = make(None, plain.default, quoted, None, ":", ",", False, False, False)
    return lambda value: "".join(pieces(value, 0))


encode: Final = _encoder()


def plain_text(value: Any, limit: int) -> str | None:
    """The JSON text of a value of JSON's own types that fits; None for any other. Never raises."""
    try:
        if type(value) is str:
            text = quoted(value) if len(value) <= limit else None
        else:
            text = _flat(value, limit) if type(value) is dict and len(value) <= _FEW else None
            if text is None and _plain(value, limit, 0) >= 0:
                text = encode(value)
    except Exception:
        # Another thread may change a value while it is looked at.
        return None
    if text is None or len(text) > limit or ("\\ud" in text and _LONE.search(text)):
        return None
    return text


def _flat(value: dict[Any, Any], limit: int) -> str | None:
    """The arguments of most calls, a few texts and numbers, in half the encoder's time."""
    parts = []
    for key, item in value.items():
        kind = type(item)
        if kind is str:
            text = quoted(item) if len(item) <= limit else None
        elif kind is int:
            text = repr(item) if -(2**63) <= item < 2**63 else None
        else:
            text = "null" if item is None else None
        if text is None or type(key) is not str or len(key) > limit:
            return None
        parts.append(f"{quoted(key)}:{text}")
    return f"{{{','.join(parts)}}}"


def _plain(value: Any, left: int, depth: int) -> int:
    """What is left of `left` bytes after a value; negative if it is too large or not plain."""
    mapping = type(value) is dict
    # A mapping of millions of keys is told by its size, before all of them are looked at.
    if depth > MAX_DEPTH or (mapping and len(value) * NODE_BYTES > left):
        return -1
    if mapping:
        for key in value:
            if type(key) is not str:
                return -1
            left -= len(key)
        value = value.values()
    elif type(value) is not list and type(value) is not tuple:
        value = (value,)
    for item in value:
        left -= NODE_BYTES
        kind = type(item)
        if kind is str:
            left -= len(item)
            fits = True
        elif kind is int:
            fits = -(2**63) <= item < 2**63
        elif kind is float:
            fits = math.isfinite(item)
        elif kind is dict or kind is list or kind is tuple:
            left = _plain(item, left, depth + 1) if left >= 0 else -1
            fits = True
        else:
            fits = item is None or kind is bool
        if not fits or left < 0:
            return -1
    return left
