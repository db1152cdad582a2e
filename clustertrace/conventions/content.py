"""Inputs and outputs: put together where they came in pieces, unwrapped where they came wrapped."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.readers import parsed, text

__all__ = ["finish_reason", "literal", "of_tool", "reply", "tool_message", "with_system"]

_LONGEST_LITERAL: Final = 20_000
"""Characters of a Python literal that is worth reading."""


def with_system(said: Any, messages: Sequence[Any]) -> list[Any]:
    """A conversation that its system instructions open."""
    parts = said if isinstance(said, list) else [{"type": "text", "content": said}]
    return [{"role": "system", "parts": parts}, *messages]


def reply(found: Sequence[Any]) -> Any:
    """The message that a reply in pieces amounts to, by `Field`; None without any piece."""
    parts: list[Any] = []
    if found[Field.SAID_REASONING] is not None:
        parts.append({"type": "reasoning", "content": found[Field.SAID_REASONING]})
    if found[Field.SAID_TEXT] is not None:
        parts.append({"type": "text", "content": found[Field.SAID_TEXT]})
    calls = found[Field.SAID_CALLS]
    for call in calls if isinstance(calls, list) else [] if calls is None else [calls]:
        parts.append(_tool_call(call) if isinstance(call, dict) else call)
    return [{"role": "assistant", "parts": parts}] if parts else None


def _tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = parsed(call.get("input", call.get("args")))
    return {
        "type": "tool_call",
        "id": call.get("toolCallId"),
        "name": call.get("toolName"),
        "arguments": arguments,
    }


def tool_message(messages: Any) -> Any:
    """What a tool was given or gave back, where that came as one message about it."""
    told = _only(messages)
    if told is None or "content" not in told:
        return messages
    piece = _only(told["content"])
    return (
        parsed(piece["text"]) if piece is not None and set(piece) == {"text"} else told["content"]
    )


def finish_reason(answer: Any) -> str | None:
    """Why a reply ended, where it says so itself: a message, or a vendor's whole response."""
    if isinstance(answer, dict):
        if answer.get("object") == "response":
            why = answer.get("incomplete_details")
            told = text(why.get("reason")) if isinstance(why, dict) else None
            return told or text(answer.get("status"))
        choice = _first(answer.get("choices")) or _first(answer.get("candidates")) or answer
        keys = ("finish_reason", "stop_reason", "finishReason", "stopReason")
        return next((told for key in keys if (told := text(choice.get(key)))), None)
    told_by = _only(answer)
    return None if told_by is None else text(told_by.get("finish_reason"))


def _first(items: Any) -> dict[str, Any] | None:
    """The first object of a list."""
    if isinstance(items, list) and items and isinstance(items[0], dict):
        return items[0]
    return None


def _only(items: Any) -> dict[str, Any] | None:
    """The one object of a list."""
    if isinstance(items, list) and len(items) == 1 and isinstance(items[0], dict):
        return items[0]
    return None


def of_tool(value: Any) -> Any:
    """A tool's arguments or result without what LangChain's callbacks wrap around them.

    Their tags and ids differ from run to run, so that the same call would never look the same.
    """
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("input_str"), str) and "metadata" in value:
        return literal(value["input_str"])
    result = value.get("output")
    if isinstance(result, dict) and result.get("type") == "constructor":
        kwargs = result.get("kwargs")
        if isinstance(kwargs, dict) and "content" in kwargs:
            return parsed(kwargs["content"])
    return value


def literal(said: str) -> Any:
    """What Python's `repr` wrote, or the text itself."""
    if len(said) > _LONGEST_LITERAL:
        return said
    try:
        value = ast.literal_eval(said)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return parsed(said)
    return value if isinstance(value, dict | list | str | int | float | bool) else said
