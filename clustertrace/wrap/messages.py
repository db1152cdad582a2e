"""One shape for the conversations of all providers.

A message is `{"role": …, "content": text or list of parts}`, an assistant's with `tool_calls`
(`[{"id", "name", "arguments"}]`), a tool's with `tool_call_id`. System instructions come first, as
a message of the role "system". Parts other than text stay as the provider wrote them, except
that images and other encoded bytes are replaced by their size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = [
    "arguments",
    "message",
    "parts_of",
    "plain",
    "slim",
    "text_part",
    "thought_part",
]

Message = dict[str, Any]

_ENCODED: Final = re.compile(r"(?:data:[\w.+/-]+[;,]|[A-Za-z0-9+/_=-]{256})")
_ENCODED_LENGTH: Final = 1024
_DEPTH: Final = 16


def message(role: str, parts: Sequence[Any], calls: Sequence[Any] = (), **fields: Any) -> Message:
    """A message from its parts; a single text part becomes plain text."""
    built: Message = {"role": role, **fields}
    if len(parts) == 1 and isinstance(parts[0], Mapping) and parts[0].get("type") == "text":
        built["content"] = parts[0].get("text")
    elif parts or not calls:
        built["content"] = list(parts)
    if calls:
        built["tool_calls"] = list(calls)
    return built


def parts_of(message: Mapping[str, Any]) -> list[Message]:
    """The parts of a message that was built by `message`."""
    content = message.get("content")
    if isinstance(content, str):
        return [text_part(content)]
    return [part for part in content or () if isinstance(part, dict)]


def text_part(text: Any) -> Message:
    """A text part."""
    return {"type": "text", "text": text}


def thought_part(text: Any) -> Message:
    """A part with a model's reasoning."""
    return {"type": "thinking", "thinking": text}


def arguments(text: Any) -> Any:
    """A tool call's arguments as data; the text itself if it is invalid or incomplete JSON."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return text


def plain(value: Any) -> Any:
    """An SDK object as the JSON that it was built from; anything else stays as it is."""
    dump = getattr(value, "model_dump", None)
    if not callable(dump) or isinstance(value, type):
        return value
    # `parse` methods add the text again, as a type of the program's own.
    return dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)


def slim(value: Any, depth: int = 0) -> Any:
    """The value with encoded bytes, such as images, replaced by their size."""
    if isinstance(value, str):
        if len(value) >= _ENCODED_LENGTH and _ENCODED.match(value):
            return f"[{len(value)} characters of encoded data]"
        return value
    if depth >= _DEPTH:
        return value
    if isinstance(value, Mapping):
        return {key: slim(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [slim(item, depth + 1) for item in value]
    return slim(plain(value), depth + 1) if hasattr(value, "model_dump") else value
