"""A span's payload in a snapshot: conversations as messages, everything else as indented JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clustertrace.payloads.conversation import conversation, parsed
from clustertrace.payloads.message_parts import Part, parts_of, remaining
from clustertrace.telling.markup import Markup, join, tag

__all__ = ["payload"]


def payload(value: Any) -> Markup:
    """Render an input or an output."""
    value = parsed(value)
    messages, rest = conversation(value)
    if not messages:
        return tag("pre", value if isinstance(value, str) else _json(value))
    shown = [_message(message) for message in messages]
    return join([*shown, tag("pre", _json(rest))] if rest else shown)


def _message(message: Mapping[str, Any]) -> Markup:
    parts = [_part(part) for part in parts_of(message)]
    rest = remaining(message)
    if rest:
        parts.append(tag("pre", _json(rest)))
    return tag("div", tag("div", message["role"], cls="label"), *parts, cls="said")


def _part(part: Part) -> Markup:
    if part.kind in ("text", "call", "other"):
        return tag("pre", part.text)
    if part.kind == "media":
        return tag("pre", f"{part.text} (not shown)")
    label = f"{part.kind}, failed" if part.failed else part.kind
    return join([tag("div", label, cls="label"), tag("pre", part.text)])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
