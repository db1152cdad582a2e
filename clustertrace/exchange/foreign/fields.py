"""What the exports of other tools have in common: their ids, times, counts and names."""

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
    "counted",
    "hour_of",
    "moment_ns",
    "moment_or",
    "needed_ns",
    "object_of",
    "objects_of",
    "span_id",
    "tags_of",
    "tokens_of",
    "trace_id",
]

_HEX: Final = re.compile(r"[0-9a-f]+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def trace_id(told: Any) -> str:
    """32 hex digits: those of an id that has them, else a digest of it. Raises BadInput."""
    return _id(told, 32, "trace")


def span_id(told: Any, trace: str) -> str:
    """16 hex digits, as `trace_id`; other ids are distinct within their trace."""
    return _id(told, 16, "span", trace)


def _id(told: Any, digits: int, what: str, within: str = "") -> str:
    if not isinstance(told, str | int) or isinstance(told, bool) or told == "":
        raise BadInput(f"its {what} has no id")
    plain = str(told).lower().replace("-", "")
    if len(plain) == digits and _HEX.fullmatch(plain) and plain.strip("0"):
        return plain
    return hashlib.sha256(f"{within}/{told}".encode("utf-8", "replace")).hexdigest()[:digits]


def moment_ns(told: Any) -> int | None:
    """ISO 8601, or a number since 1970 in whichever unit makes it a date; None for none.

    Without a zone, a time is UTC. Raises BadInput for what is no time.
    """
    if told is None or told == "":
        return None
    if isinstance(told, str):
        try:
            at = datetime.fromisoformat(told.replace(" UTC", "+00:00"))
        except ValueError:
            raise BadInput(f"{told[:40]!r} is not a time") from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return _checked((at - _EPOCH) // timedelta(microseconds=1) * 1000, told)
    if isinstance(told, bool) or not isinstance(told, int | float) or told != told:
        raise BadInput(f"{told!r:.40} is not a time")
    for limit, scale in ((1e11, 1e9), (1e14, 1e6), (1e17, 1e3)):
        if abs(told) < limit:
            # Float seconds are exact to a microsecond.
            return _checked(round(told * scale / 1000) * 1000, told)
    return _checked(int(told) if abs(told) <= MAX_NS else MAX_NS + 1, told)


def _checked(found: int, told: Any) -> int:
    if not 0 < found <= MAX_NS:
        raise BadInput(f"{told!r:.40} is not a time that a clock shows")
    return found


def needed_ns(told: Any, name: str) -> int:
    """As `moment_ns`, for a time that must be there."""
    found = moment_ns(told)
    if found is None:
        raise BadInput(f"it has no {name}")
    return found


def moment_or(told: Any, otherwise: int) -> int:
    """As `moment_ns`, for a time that nothing depends on: what is none is another one."""
    try:
        return moment_ns(told) or otherwise
    except BadInput:
        return otherwise


def amount(told: Any) -> float | None:
    """A number that is one; also as text, as decimals are sometimes written."""
    try:
        found = number(float(told) if isinstance(told, str) else told)
    except (ValueError, OverflowError):
        return None
    return found


def counted(told: Iterable[tuple[Field, Any]]) -> dict[Field, Any]:
    """The first that is told of each field, as where attributes are read."""
    found: dict[Field, Any] = {}
    for field, value in told:
        if value is not None:
            found.setdefault(field, value)
    return found


def tokens_of(
    found: Mapping[Field, Any],
) -> tuple[int | None, int | None, int | None, int | None, int | None]:
    """Read, cached ones included; written; from a cache; into a cache; thought: as in a span."""
    read, written = found.get(Field.CACHE_READ_TOKENS), found.get(Field.CACHE_WRITE_TOKENS)
    return (
        input_with_cached(
            found.get(Field.INPUT_TOKENS),
            found.get(Field.FRESH_INPUT_TOKENS),
            (read or 0) + (written or 0),
        ),
        found.get(Field.OUTPUT_TOKENS),
        read,
        written,
        found.get(Field.REASONING_TOKENS),
    )


def hour_of(found: Mapping[Field, Any]) -> dict[str, Any]:
    """The attribute of tokens that a cache keeps for an hour, which have no field of a span."""
    told = found.get(Field.HOUR_TOKENS)
    return {} if told is None else {STANDARD[Field.HOUR_TOKENS]: told}


def object_of(told: Any) -> Mapping[str, Any]:
    """An object, also as JSON text; an empty one where there is none."""
    told = parsed(told)
    return told if isinstance(told, Mapping) else {}


def objects_of(told: Any) -> list[Mapping[str, Any]]:
    """The objects of a list."""
    return [item for item in told if isinstance(item, Mapping)] if isinstance(told, list) else []


def tags_of(**told: Any) -> dict[str, str]:
    """Tags of what is known; a list is many tags that say yes."""
    tags: dict[str, str] = {}
    for key, value in told.items():
        if isinstance(value, list):
            tags |= {str(one): "yes" for one in value if one not in (None, "")}
        elif value not in (None, ""):
            tags[key] = str(value)
    return tags
