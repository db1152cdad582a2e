"""Payloads that are conversations, in whichever provider's shape; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["call_text", "conversation", "parsed", "part_text", "text"]

_SAID: Final = ("content", "parts", "text", "tool_calls")
_TEXTS: Final = ("text", "input_text", "output_text", "thinking")
"""Types of message parts that are plain text, of several providers."""
_ARGUMENTS: Final = ("arguments", "args", "input")
"""What providers call the arguments of a call."""


def text(value: Any) -> str:
    """A JSON value in one line."""
    return json.dumps(value, ensure_ascii=False)


def parsed(value: Any) -> Any:
    """JSON that was recorded as a string."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def conversation(value: Any) -> tuple[list[Mapping[str, Any]], dict[str, Any]]:
    """The messages in a payload, and what it holds beside them; no messages: no conversation."""
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        messages, _ = conversation(value["messages"])
        rest = {key: held for key, held in value.items() if key != "messages"}
        return (messages, rest) if messages else ([], {})
    items = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list) or not items or not all(map(_is_message, items)):
        return [], {}
    return list(items), {}


def _is_message(item: Any) -> bool:
    return (
        isinstance(item, Mapping)
        and isinstance(item.get("role"), str)
        and any(key in item for key in _SAID)
    )


def part_text(part: Any) -> str | None:
    """What a part of a message says, where it is text."""
    if isinstance(part, Mapping) and part.get("type", "text") in _TEXTS:
        part = next((part[key] for key in ("text", "content", "thinking") if key in part), part)
    return part if isinstance(part, str) else None


def call_text(call: Any) -> str:
    """A call that a model asks for, as `name(arguments)`, whoever's form it has."""
    told = call.get("function", call) if isinstance(call, Mapping) else call
    if not isinstance(told, Mapping) or not isinstance(told.get("name"), str):
        return text(call)
    given: Any = next((told[key] for key in _ARGUMENTS if key in told), {})
    return f"{told['name']}({given if isinstance(given, str) else text(given)})"
