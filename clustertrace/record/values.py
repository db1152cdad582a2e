"""Any Python value → JSON text, in bounded time and space, whatever the value is.

Most values are small and plain: those are checked with a bounded walk and handed to the C
encoder. Anything else is rebuilt piece by piece within a budget of characters and nodes. What
does not fit is cut, what is no data becomes its `repr`, and both are told by path (`Captured`),
so that nobody mistakes a part for the whole.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import math
from collections.abc import Callable, Mapping, Set
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final, NamedTuple

__all__ = ["Captured", "capture", "plain_text"]

_MAX_NODES: Final = 10_000
_MAX_DEPTH: Final = 32
_PLAIN_NODES: Final = 200
_PLAIN_TEXT: Final = 4096
_PREVIEW: Final = 10
"""Elements of a large array that are kept to look at."""


def _encoder() -> Callable[[Any], str]:
    """JSON's C encoder, made once: `JSONEncoder.encode` makes one anew at each call (2 µs)."""
    separators = (",", ":")
    plain = json.JSONEncoder(check_circular=False, allow_nan=False, separators=separators)
    make = getattr(json.encoder, "c_make_encoder", None)  # absent where C is
    if make is None:
        return plain.encode
    encode = make(None, plain.default, quoted, None, ":", ",", False, False, False)
    return lambda value: "".join(encode(value, 0))


_encode: Final = _encoder()


class Captured(NamedTuple):
    """A value as JSON text (ASCII), and the paths in it that are not the whole truth."""

    text: str
    cut: tuple[str, ...] = ()
    """Paths, one level deep, of what was too large: "query", or "" for the value itself."""
    opaque: tuple[str, ...] = ()
    """Paths of what is no data and stands as its `repr`."""


def plain_text(value: Any, limit: int) -> str | None:
    """The JSON text of a small value of JSON's own types; None for any other."""
    if type(value) is str:
        text = quoted(value) if len(value) <= _PLAIN_TEXT else None
    else:
        text = _encode(value) if _plain(value, 0) >= 0 else None
    # A surrogate's escape may be half of a pair, or a lone one that no UTF-8 can hold.
    return None if text is None or len(text) > limit or "\\ud" in text else text


def capture(value: Any, limit: int) -> Captured:
    """Turn a value into JSON text of at most about `limit` bytes. Never raises."""
    try:
        text = plain_text(value, limit)
        return _Builder(limit).build(value) if text is None else Captured(text)
    except Exception as error:
        # A value may do anything when it is looked at; the traced program must not notice.
        return Captured(_encode(f"[not recorded: {type(error).__name__}]"), (), ("",))


def _plain(value: Any, seen: int) -> int:
    """How many nodes a small value of JSON's own types has; negative if it is anything else."""
    if type(value) is dict:
        for key in value:
            if type(key) is not str:
                return -1
        value = value.values()
    elif type(value) is not list and type(value) is not tuple:
        value = (value,)
    for item in value:
        seen += 1
        kind = type(item)
        if kind is str:
            fits = len(item) <= _PLAIN_TEXT
        elif kind is int:
            fits = -(2**63) <= item < 2**63
        elif kind is float:
            fits = math.isfinite(item)
        elif kind is dict or kind is list or kind is tuple:
            seen = _plain(item, seen) if seen <= _PLAIN_NODES else -1
            fits = seen >= 0
        else:
            fits = item is None or kind is bool
        if not fits or seen > _PLAIN_NODES:
            return -1
    return seen


class _Builder:
    """Rebuilds one value from plain pieces, as much of it as the budget allows."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._nodes = _MAX_NODES
        self._open: set[int] = set()
        self._path: list[str] = []
        self._cut: dict[str, None] = {}
        self._opaque: dict[str, None] = {}

    def build(self, value: Any) -> Captured:
        plain = self._value(value, 0)
        return Captured(_encode(plain), tuple(self._cut), tuple(self._opaque))

    def _value(self, value: Any, depth: int) -> Any:
        self._nodes -= 1
        self._left -= 4
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return self._value(value.value, depth)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return int(value) if -(2**63) <= value < 2**63 else self._text(_big(value))
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else str(float(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return self._bytes(bytes(value[: self._room()]), len(value))
        if depth >= _MAX_DEPTH or self._nodes <= 0 or self._left <= 0:
            self._mark(self._cut)
            return f"[cut: {type(value).__name__}]"
        if id(value) in self._open:
            self._mark(self._opaque)
            return "[cycle]"
        self._open.add(id(value))
        try:
            return self._structure(value, depth)
        finally:
            self._open.discard(id(value))

    def _structure(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple):
            named = getattr(value, "_asdict", None)
            return self._mapping(named(), depth) if named else self._sequence(value, depth)
        if isinstance(value, Set):
            return self._sequence(_sorted(value), depth)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return self._mapping({f.name: getattr(value, f.name, None) for f in fields}, depth)
        if isinstance(value, datetime.date | datetime.time):
            return value.isoformat()
        if isinstance(value, BaseException):
            return self._text(f"{type(value).__name__}: {value}")
        return self._object(value, depth)

    def _object(self, value: Any, depth: int) -> Any:
        dump = getattr(value, "model_dump", None)  # pydantic's models
        if callable(dump) and not isinstance(value, type):
            return self._value(dump(), depth + 1)
        if hasattr(value, "shape") and hasattr(value, "dtype"):
            return self._array(value, depth)
        if type(value).__module__ in ("uuid", "pathlib", "decimal", "fractions"):
            return self._text(str(value))
        self._mark(self._opaque)
        return self._text(repr(value))

    def _array(self, value: Any, depth: int) -> Any:
        """NumPy's arrays and scalars, and what looks like them."""
        size = math.prod(value.shape)
        if not value.shape:
            return self._value(value.item(), depth + 1)
        if size <= 1000:
            return self._value(value.tolist(), depth + 1)
        self._mark(self._cut)
        first = value.reshape(-1)[:_PREVIEW].tolist()
        told = {"shape": list(value.shape), "dtype": str(value.dtype), "first": first}
        return self._mapping(told, depth)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, item in value.items():
            if self._nodes <= 0 or self._left <= 0:
                self._mark(self._cut)
                made["[cut]"] = f"{len(value) - len(made)} more"
                break
            name = self._text(key if isinstance(key, str) else str(key))
            if depth:
                made[name] = self._value(item, depth + 1)
            else:
                made[name] = self._share(name, item, len(value) - len(made))
        return made

    def _share(self, name: str, item: Any, sharers: int) -> Any:
        """One of the outermost values: a large argument must not crowd out those after it."""
        self._path.append(name)
        whole = self._left
        self._left = share = whole // sharers
        made = self._value(item, 1)
        self._left = whole - (share - self._left)
        self._path.pop()
        return made

    def _sequence(self, value: Any, depth: int) -> list[Any]:
        made: list[Any] = []
        for item in value:
            if self._nodes <= 0 or self._left <= 0:
                self._mark(self._cut)
                made.append(f"[cut: {len(value) - len(made)} more]")
                break
            made.append(self._value(item, depth + 1))
        return made

    def _text(self, value: str) -> str:
        room = self._room()
        kept = str(value[:room])
        if len(value) > room or not kept.isascii():
            kept = kept.encode("utf-8", "replace")[:room].decode("utf-8", "ignore")
        self._left -= len(kept)
        if len(kept) >= len(value) or kept == value:
            return kept
        self._mark(self._cut)
        return f"{kept}… [cut: {len(value)} characters in all]"

    def _bytes(self, kept: bytes, size: int) -> str:
        text = kept.decode("utf-8", "backslashreplace")
        self._left -= len(text)
        self._mark(self._opaque)
        if len(kept) == size:
            return text
        self._mark(self._cut)
        return f"{text}… [cut: {size} bytes in all]"

    def _room(self) -> int:
        return max(0, self._left)

    def _mark(self, what: dict[str, None]) -> None:
        what[self._path[0] if self._path else ""] = None


def _sorted(values: Set[Any]) -> list[Any]:
    """A set in an order that is the same from run to run, where there is one."""
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=repr)


def _big(value: int) -> str:
    """Python refuses to write very large numbers in decimal; hexadecimal has no such limit."""
    return str(value) if value.bit_length() < 4096 else f"{value:#x}"
