"""What exports of other tools have in common: ids, times, counts and tags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clustertrace.conventions.dialect import STANDARD, Field
from clustertrace.conventions.readers import number, parsed
from clustertrace.conventions.usage import input_with_cached
from clustertrace.errors import BadInput
from clustertrace.wire import MAX_NS

__all__ = [
    "amount",
    "first_values",
    "hour_attribute",
    "moment_ns",
    "moment_or",
    "object_of",
    "objects_of",
    "required_ns",
    "span_id",
    "tags_of",
    "tokens_of",
    "trace_id",
]

_HEX: Final = re.compile(r"[0-9a-f]+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def trace_id(value: Any) -> str:
    """A trace id of 32 hex digits: the given one, or a digest of it. Raises BadInput."""
    return _hex_id(value, 32, "trace")


def span_id(value: Any, trace_id: str) -> str:
    """A span id of 16 hex digits, as `trace_id`; digests differ between traces."""
    return _hex_id(value, 16, "span", trace_id)


def _hex_id(value: Any, digits: int, record: str, scope: str = "") -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise BadInput(f"its {record} has no id")
    hex_digits = str(value).lower().replace("-", "")
    if len(hex_digits) == digits and _HEX.fullmatch(hex_digits) and hex_digits.strip("0"):
        return hex_digits
    return hashlib.sha256(f"{scope}/{value}".encode("utf-8", "replace")).hexdigest()[:digits]


def moment_ns(value: Any) -> int | None:
    """Nanoseconds since 1970, from ISO 8601 or a number in whichever unit makes it plausible.

    Without a zone, a time is UTC. None and "" give None. Raises BadInput for anything else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.replace(" UTC", "+00:00"))
        except ValueError:
            raise BadInput(f"{value[:40]!r} is not a time") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return _in_range((moment - _EPOCH) // timedelta(microseconds=1) * 1000, value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise BadInput(f"{value!r:.40} is not a time")
    for limit, scale in ((1e11, 1e9), (1e14, 1e6), (1e17, 1e3)):
        if abs(value) < limit:
            # Float seconds are exact to a microsecond.
            return _in_range(round(value * scale / 1000) * 1000, value)
    return _in_range(int(value) if abs(value) <= MAX_NS else MAX_NS + 1, value)


def _in_range(ns: int, value: Any) -> int:
    if not 0 < ns <= MAX_NS:
        raise BadInput(f"{value!r:.40} is not a time that a clock shows")
    return ns


def required_ns(value: Any, name: str) -> int:
    """As `moment_ns`, for a time that is required."""
    ns = moment_ns(value)
    if ns is None:
        raise BadInput(f"it has no {name}")
    return ns


def moment_or(value: Any, default: int) -> int:
    """As `moment_ns`, with a default for a missing or invalid time."""
    try:
        return moment_ns(value) or default
    except BadInput:
        return default


def amount(value: Any) -> float | None:
    """A finite number, also from text, as decimals are sometimes written; else None."""
    try:
        return number(float(value) if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None


def first_values(pairs: Iterable[tuple[Field, Any]]) -> dict[Field, Any]:
    """The first known value of each field, as when attributes are read."""
    usage: dict[Field, Any] = {}
    for field, value in pairs:
        if value is not None:
            usage.setdefault(field, value)
    return usage


def tokens_of(
    usage: Mapping[Field, Any],
) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    """Input with cached tokens, output, cache read, cache write, reasoning: in a span's order."""
    cache_read, cache_written = (
        usage.get(Field.CACHE_READ_TOKENS),
        usage.get(Field.CACHE_WRITE_TOKENS),
    )
    return (
        input_with_cached(
            usage.get(Field.INPUT_TOKENS),
            usage.get(Field.FRESH_INPUT_TOKENS),
            (cache_read or 0) + (cache_written or 0),
        ),
        usage.get(Field.OUTPUT_TOKENS),
        cache_read,
        cache_written,
        usage.get(Field.REASONING_TOKENS),
    )


def hour_attribute(usage: Mapping[Field, Any]) -> dict[str, Any]:
    """The attribute with tokens cached for an hour, which have no field of a span."""
    tokens = usage.get(Field.HOUR_TOKENS)
    return {} if tokens is None else {STANDARD[Field.HOUR_TOKENS]: tokens}


def object_of(value: Any) -> Mapping[str, Any]:
    """An object, also from JSON text; else an empty one."""
    value = parsed(value)
    return value if isinstance(value, Mapping) else {}


def objects_of(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; else an empty list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def tags_of(**values: Any) -> dict[str, str]:
    """Tags from the known values; each item of a list becomes a tag with the value `yes`."""
    tags: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, list):
            tags |= {str(item): "yes" for item in value if item not in (None, "")}
        elif value not in (None, ""):
            tags[key] = str(value)
    return tags
