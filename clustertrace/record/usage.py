"""The usage of a model call as a user gave it: made valid, or left out with a warning."""

from __future__ import annotations

from typing import Any, Final

from clustertrace.record.notices import notice

__all__ = ["usage"]

_TEXTS: Final = frozenset({"model", "provider", "finish_reason"})
_MAX_TOKENS: Final = 10**12
_MAX_USD: Final = 10**9
"""More than this no reader takes; see clustertrace.wire."""


def usage(**fields: Any) -> dict[str, str | int | float]:
    """The keys that have a usable value, each of its right type. Never raises."""
    usable: dict[str, str | int | float] = {}
    for key, value in fields.items():
        if value is None:
            continue
        try:
            usable[key] = _usable(key, value)
        except Exception:
            notice(f"set_usage({key}=…) can't be used: {key} must be {_wanted(key)}.")
    return usable


def _usable(key: str, value: Any) -> str | int | float:
    if key in _TEXTS:
        return str(value)
    if key == "cost_usd":
        cost = float(value)
        if not 0 <= cost <= _MAX_USD:
            raise ValueError
        return cost
    count = int(value)
    if not 0 <= count <= _MAX_TOKENS:
        raise ValueError
    return count


def _wanted(key: str) -> str:
    if key in _TEXTS:
        return "a text"
    return "US dollars" if key == "cost_usd" else "a number of tokens"
