"""Inputs and outputs on screen: conversations as such, JSON folded, text as text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from clustertrace.app import markup

__all__ = ["conversation", "show", "text"]

_SAID: Final = ("content", "parts", "text", "tool_calls")
_TEXTS: Final = ("text", "input_text", "output_text", "thinking")
"""Types of message parts that are plain text, of several providers."""
_ARGUMENTS: Final = ("arguments", "args", "input")
"""What providers call the arguments of a call."""


def show(value: Any) -> None:
    """Draw a payload."""
    value = _parsed(value)
    messages, rest = conversation(value)
    if messages:
        st.html(markup.page(*map(_message, messages)))
        if rest:
            st.json(rest, expanded=1)
    elif isinstance(value, Mapping | list) and value:
        st.json(value, expanded=2)
    else:
        shown = value if isinstance(value, str) else text(value)
        st.html(markup.page(markup.text_block(shown) if shown else markup.muted("empty")))


def text(value: Any) -> str:
    """A JSON value in one line."""
    return json.dumps(value, ensure_ascii=False)


def _parsed(value: Any) -> Any:
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


def _message(message: Mapping[str, Any]) -> markup.Markup:
    content = message.get("content", message.get("parts", message.get("text")))
    calls = message.get("tool_calls")
    rest = {
        key: held
        for key, held in message.items()
        if key not in ("role", "content", "parts", "text", "tool_calls")
        and held not in (None, [], "")
    }
    said = list(_said(content))
    said += map(_call, calls if isinstance(calls, list) else [calls] if calls else [])
    if rest:
        said.append(_code(text(rest)))
    return markup.message(message["role"], *said)


def _said(content: Any) -> Sequence[markup.Markup]:
    if content is None:
        return []
    if isinstance(content, str):
        return [markup.text_block(content)] if content else []
    if not isinstance(content, list):
        return [_code(text(content))]
    return [_part(part) for part in content]


def _part(part: Any) -> markup.Markup:
    """A part of a message that has several: text, or a picture, a call, a result."""
    if isinstance(part, Mapping) and part.get("type", "text") in _TEXTS:
        part = next((part[key] for key in ("text", "content", "thinking") if key in part), part)
    return markup.text_block(part) if isinstance(part, str) else _call(part)


def _call(call: Any) -> markup.Markup:
    """A call that a model asks for: `name(arguments)`, whoever's form it has."""
    told = call.get("function", call) if isinstance(call, Mapping) else call
    if not isinstance(told, Mapping) or not isinstance(told.get("name"), str):
        return _code(text(call))
    given: Any = next((told[key] for key in _ARGUMENTS if key in told), {})
    return _code(f"{told['name']}({given if isinstance(given, str) else text(given)})")


def _code(shown: str) -> markup.Markup:
    return markup.tag("pre", shown, cls="ct-call")
