"""Payloads that are conversations, in whichever provider's shape; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "NO_PROMPT",
    "call_text",
    "conversation",
    "is_cut",
    "parsed",
    "part_text",
    "text",
    "with_role",
]

NO_PROMPT: Final = (
    *("<local-command-", "<command-name>", "<command-message>", "<bash-stdout>", "<bash-stderr>"),
    *("<bash-input>", "Caveat: The messages below", "[Request interrupted by user"),
)
"""Beginnings of what stands in the user's place and asks the model for nothing by itself."""

_SAID: Final = ("content", "parts", "text", "tool_calls")
_TEXTS: Final = ("text", "input_text", "output_text", "summary_text", "thinking")
"""Types of message parts that are plain text, of several providers."""
_BETWEEN: Final = frozenset(
    {
        *("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"),
        *("reasoning", "local_shell_call", "local_shell_call_output"),
    }
)
_LANGCHAIN_ROLES: Final = {
    "human": "user",
    "ai": "assistant",
    "system": "system",
    "tool": "tool",
    "function": "tool",
}
"""By the type that LangChain's messages have instead of a role."""
_HELD: Final = {"messages": "", "choices": "message", "candidates": "content", "output": ""}
"""Keys of what holds messages (a request; an answer of Chat Completions, of Gemini, of OpenAI's
Responses), and the key of the message within each of its items, if it is not the item itself."""
_CUT: Final = "[cut: "
"""What stands for the messages that a list is too long to be kept with (clustertrace.record)."""
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
    if isinstance(value, Mapping) and (found := _held(value)) is not None:
        within, messages_value = found
        messages, _ = conversation(messages_value)
        rest = {key: held for key, held in value.items() if key != within}
        return (messages, rest) if messages else ([], {})
    items: Any = [value] if isinstance(value, Mapping) else value
    if not isinstance(items, list) or not items:
        return [], {}
    items = [with_role(item) for item in items]
    messages = [message for item in items if (message := _as_message(item)) is not None]
    whole = len(messages) == len(items) and any(map(_is_message, items))
    return (messages, {}) if whole else ([], {})


def with_role(item: Any) -> Any:
    """One of LangChain's messages, whose `data` may hold all but the type, as others write it.

    Its own id and what it has no value for are left out. All else stays as it is.
    """
    if not isinstance(item, Mapping) or "role" in item or not isinstance(item.get("type"), str):
        return item
    role, held = _LANGCHAIN_ROLES.get(item["type"]), item.get("data", item)
    if role is None or not isinstance(held, Mapping) or "content" not in held:
        return item
    facts = {key: value for key, value in held.items() if value not in (None, "", [], {})}
    for key in ("type", "id"):
        facts.pop(key, None)
    return {"role": role, "content": held["content"], **facts}


def _held(value: Mapping[str, Any]) -> tuple[str, list[Any]] | None:
    """Under which key a request, or an answer as an API gives it, has its messages; and these."""
    if _is_message(value):
        # Whatever else it holds, such as choices to pick from.
        return None
    for key, inside in _HELD.items():
        held = value.get(key)
        if isinstance(held, list) and (key != "output" or value.get("object") == "response"):
            return key, [one.get(inside, one) if isinstance(one, Mapping) else one for one in held]
    return None


def _as_message(item: Any) -> Mapping[str, Any] | None:
    """A message, or what stands between messages: what was cut by the recorder's limit, and in
    OpenAI's Responses a call or its result."""
    if is_cut(item):
        return {"role": "…", "content": item}
    if _is_message(item):
        return item if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or not isinstance(item.get("type"), str):
        return None
    said_by = "tool" if item["type"].endswith("_output") else "assistant"
    return {**item, "role": said_by} if item["type"] in _BETWEEN else None


def is_cut(item: Any) -> bool:
    """Whether an item only tells of what was too large, in the place of a message."""
    return isinstance(item, str) and item.startswith(_CUT)


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
    function = call.get("function", call) if isinstance(call, Mapping) else call
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        return text(call)
    given: Any = next((function[key] for key in _ARGUMENTS if key in function), {})
    return f"{function['name']}({given if isinstance(given, str) else text(given)})"
