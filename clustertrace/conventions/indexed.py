"""Flat indexed attribute keys → lists: `0.message.role`, `0.message.content` → [{role, …}]."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

__all__ = ["unflatten"]

_WRAPPERS: Final = frozenset({"message", "tool_call", "message_content", "document", "evaluation"})
"""Singular names that OpenInference puts around each element of a list."""

_MAX_DEPTH: Final = 60
_INDEX: Final = re.compile(r"[0-9]{1,9}")
"""Instrumentations nest a few levels and count a few hundred; others' keys may say anything."""


def unflatten(pairs: Iterable[tuple[str, Any]]) -> Any:
    """Build the nested value that dotted paths spell; where two clash, the first one stays.

    A path of more than `_MAX_DEPTH` steps has its last ones together as one name.
    """
    tree: dict[str, Any] = {}
    for path, value in pairs:
        steps = path.split(".", _MAX_DEPTH)
        holder = tree
        for step in steps[:-1]:
            child = holder.setdefault(step, {})
            if not isinstance(child, dict):
                break
            holder = child
        else:
            holder.setdefault(steps[-1], value)
    return _with_lists(tree)


def _with_lists(node: dict[str, Any]) -> Any:
    built = {
        key: _with_lists(value) if isinstance(value, dict) else value for key, value in node.items()
    }
    if node and all(map(_INDEX.fullmatch, node)):
        return [_unwrapped(built[key]) for key in sorted(node, key=int)]
    return built


def _unwrapped(item: Any) -> Any:
    if isinstance(item, dict) and len(item) == 1:
        (name,) = item
        if name in _WRAPPERS:
            return item[name]
    return item
