"""A span's payload in a snapshot: conversations as such, everything else as indented JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from clustertrace.conversation import call_text, conversation, parsed, part_text
from clustertrace.markup import Markup, join, tag

__all__ = ["payload"]

_NOT_SHOWN: Final = frozenset({"role", "content", "parts", "text", "tool_calls"})


def payload(value: Any) -> Markup:
    """What went in or came out."""
    value = parsed(value)
    messages, rest = conversation(value)
    if not messages:
        return tag("pre", value if isinstance(value, str) else _json(value))
    shown = [_message(message) for message in messages]
    return join([*shown, tag("pre", _json(rest))] if rest else shown)


def _message(message: Mapping[str, Any]) -> Markup:
    content = message.get("content", message.get("parts", message.get("text")))
    parts = content if isinstance(content, list) else [] if content is None else [content]
    calls = message.get("tool_calls")
    said = [_part(part) for part in parts]
    said += [
        tag("pre", call_text(call))
        for call in (calls if isinstance(calls, list) else [calls] if calls else [])
    ]
    rest = {key: held for key, held in message.items() if key not in _NOT_SHOWN and held}
    if rest:
        said.append(tag("pre", _json(rest)))
    return tag("div", tag("div", message["role"], cls="label"), *said, cls="said")


def _part(part: Any) -> Markup:
    said = part_text(part)
    return tag("pre", call_text(part) if said is None else said)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
