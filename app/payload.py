"""Inputs and outputs on screen: conversations as such, JSON folded, text as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from clustertrace.app import markup
from clustertrace.conversation import call_text, conversation, parsed, part_text, text

__all__ = ["show"]


def show(value: Any) -> None:
    """Draw a payload."""
    value = parsed(value)
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
    said = part_text(part)
    return _call(part) if said is None else markup.text_block(said)


def _call(call: Any) -> markup.Markup:
    return _code(call_text(call))


def _code(shown: str) -> markup.Markup:
    return markup.tag("pre", shown, cls="ct-call")
