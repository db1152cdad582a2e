"""Cutting secrets out of JSON text that must stay JSON.

What the patterns cut lies within one string, but a text may be made to look otherwise (a key
`Password:` without a value), and a user's own pattern may match anything. Where the rest is no
JSON any more, each string is cut by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from clustertrace.redaction.marks import mark

__all__ = ["cut_json"]

Cut = Callable[[str], tuple[str, int]]
"""Cuts a text; gives what is left, and how many secrets there were."""


def cut_json(text: str, cut: Cut, named: Callable[[str, str], str]) -> tuple[str, int]:
    """A JSON text without its secrets, and how many were cut.

    `named` gives what is left of a value that stands under a name.
    """
    clean, times = cut(text)
    if not times or _is_json(clean):
        return clean, times
    try:
        value, times = _cut_value(json.loads(text), cut, named)
        return json.dumps(value, separators=(",", ":")), times
    except (ValueError, RecursionError):
        return json.dumps({"redacted": mark("it could not be read")}), 1


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _cut_value(value: Any, cut: Cut, named: Callable[[str, str], str]) -> tuple[Any, int]:
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, list):
        items = [_cut_value(inner, cut, named) for inner in value]
        return [left for left, _ in items], sum(times for _, times in items)
    if isinstance(value, dict):
        pairs = [_cut_pair(key, inner, cut, named) for key, inner in value.items()]
        return {name: left for name, left, _ in pairs}, sum(times for *_, times in pairs)
    return value, 0


def _cut_pair(
    key: str, value: Any, cut: Cut, named: Callable[[str, str], str]
) -> tuple[str, Any, int]:
    name, times = cut(key)
    left, more = _cut_named(key, value, cut, named)
    return name, left, times + more


def _cut_named(key: str, value: Any, cut: Cut, named: Callable[[str, str], str]) -> tuple[Any, int]:
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        told = value if isinstance(value, str) else json.dumps(value)
        left = named(key, told)
        return value if left == told else left, int(left != told)
    if isinstance(value, list):  # each item stands under the name
        items = [_cut_named(key, item, cut, named) for item in value]
        return [left for left, _ in items], sum(times for _, times in items)
    return _cut_value(value, cut, named)
