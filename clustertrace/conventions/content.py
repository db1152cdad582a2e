"""Inputs and outputs: assembled if they arrived in pieces, unwrapped if they were wrapped."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.conventions.dialect import Field
from clustertrace.conventions.readers import parsed, text

__all__ = [
    "assembled_reply",
    "finish_reason",
    "python_literal",
    "tool_message_content",
    "unwrapped_tool_payload",
    "with_system",
]

_LONGEST_LITERAL: Final = 20_000
"""Characters of a Python literal that is worth reading."""


def with_system(instructions: Any, messages: Sequence[Any]) -> list[Any]:
    """A conversation that its system instructions open."""
    parts = (
        instructions
        if isinstance(instructions, list)
        else [{"type": "text", "content": instructions}]
    )
    return [{"role": "system", "parts": parts}, *messages]


def assembled_reply(fields: Sequence[Any]) -> Any:
    """The message that a reply in pieces amounts to, by `Field`; None without any piece."""
    parts: list[Any] = []
    if fields[Field.SAID_REASONING] is not None:
        parts.append({"type": "reasoning", "content": fields[Field.SAID_REASONING]})
    if fields[Field.SAID_TEXT] is not None:
        parts.append({"type": "text", "content": fields[Field.SAID_TEXT]})
    calls = fields[Field.SAID_CALLS]
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


def tool_message_content(messages: Any) -> Any:
    """What a tool was given or gave back, where that came as one message about it."""
    message = _only_object(messages)
    if message is None or "content" not in message:
        return messages
    part = _only_object(message["content"])
    return (
        parsed(part["text"]) if part is not None and set(part) == {"text"} else message["content"]
    )


def finish_reason(answer: Any) -> str | None:
    """Why a reply ended, where it says so itself: a message, or a vendor's whole response."""
    if isinstance(answer, dict):
        if answer.get("object") == "response":
            details = answer.get("incomplete_details")
            reason = text(details.get("reason")) if isinstance(details, dict) else None
            return reason or text(answer.get("status"))
        choice = (
            _first_object(answer.get("choices"))
            or _first_object(answer.get("candidates"))
            or answer
        )
        keys = ("finish_reason", "stop_reason", "finishReason", "stopReason")
        return next((reason for key in keys if (reason := text(choice.get(key)))), None)
    message = _only_object(answer)
    return None if message is None else text(message.get("finish_reason"))


def _first_object(items: Any) -> dict[str, Any] | None:
    """The first object of a list."""
    if isinstance(items, list) and items and isinstance(items[0], dict):
        return items[0]
    return None


def _only_object(items: Any) -> dict[str, Any] | None:
    """The one object of a list."""
    if isinstance(items, list) and len(items) == 1 and isinstance(items[0], dict):
        return items[0]
    return None


def unwrapped_tool_payload(value: Any) -> Any:
    """A tool's arguments or result without what LangChain's callbacks wrap around them.

    Their tags and ids differ from run to run, so that the same call would never look the same.
    """
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("input_str"), str) and "metadata" in value:
        return python_literal(value["input_str"])
    result = value.get("output")
    if isinstance(result, dict) and result.get("type") == "constructor":
        kwargs = result.get("kwargs")
        if isinstance(kwargs, dict) and "content" in kwargs:
            return parsed(kwargs["content"])
    message = value.get("data")
    if value.get("type") == "tool" and isinstance(message, dict) and "content" in message:
        return parsed(message["content"])
    return value


def python_literal(text_: str) -> Any:
    """What Python's `repr` wrote, or the text itself."""
    if len(text_) > _LONGEST_LITERAL:
        return text_
    try:
        value = ast.literal_eval(text_)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return parsed(text_)
    return value if isinstance(value, dict | list | str | int | float | bool) else text_
