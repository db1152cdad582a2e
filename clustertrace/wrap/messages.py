"""One shape for conversations, whoever's they are.

A message is `{"role": …, "content": text or list of parts}`, an assistant's with `tool_calls`
(`[{"id", "name", "arguments"}]`), a tool's with `tool_call_id`. System instructions come first, as
a message of the role "system". Parts that are no text stay as their provider wrote them, except
that pictures and other encoded bytes are replaced by their size.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.record.config import config

__all__ = [
    "arguments",
    "fitted",
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
_NODE: Final = 8
_DEPTH: Final = 16


def message(role: str, parts: Sequence[Any], calls: Sequence[Any] = (), **more: Any) -> Message:
    """A message of some parts; a text that is alone stands for itself."""
    made: Message = {"role": role, **more}
    if len(parts) == 1 and isinstance(parts[0], Mapping) and parts[0].get("type") == "text":
        made["content"] = parts[0].get("text")
    elif parts or not calls:
        made["content"] = list(parts)
    if calls:
        made["tool_calls"] = list(calls)
    return made


def parts_of(said: Mapping[str, Any]) -> list[Message]:
    """The parts of a message that `message` made."""
    content = said.get("content")
    if isinstance(content, str):
        return [text_part(content)]
    return [part for part in content or () if isinstance(part, dict)]


def text_part(text: Any) -> Message:
    """A part that is text."""
    return {"type": "text", "text": text}


def thought_part(text: Any) -> Message:
    """A part that a model said to itself."""
    return {"type": "thinking", "thinking": text}


def arguments(text: Any) -> Any:
    """A tool call's arguments as data; the text itself where it is no JSON, or only half of one."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return text


def plain(value: Any) -> Any:
    """An SDK's object as the JSON that it was; what is no such object stays as it is."""
    dump = getattr(value, "model_dump", None)
    if not callable(dump) or isinstance(value, type):
        return value
    # What `parse` methods add is the text once more, in a type of the program's own.
    return dump(mode="json", by_alias=True, exclude_unset=True, warnings=False)


def slim(value: Any, depth: int = 0) -> Any:
    """The value with encoded bytes, such as pictures, replaced by their size."""
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


def fitted(messages: Any) -> tuple[Any, int]:
    """A conversation that fits the space of an input, and how many messages were left out for it.

    The newest messages matter most, then the system's instructions: what is between goes first.
    """
    limit = config().payload_bytes * 3 // 4
    if not isinstance(messages, list):
        return messages, 0
    sizes = [_size(one) for one in messages]
    if sum(sizes) <= limit or len(messages) < 3:
        return messages, 0
    head = _head(messages, limit // 3)
    left = limit - sum(map(_size, head))
    start = len(messages)
    while start > len(head) and (start == len(messages) or sizes[start - 1] <= left):
        start -= 1
        left -= sizes[start]
    gone = start - len(head)
    if not gone:
        return messages, 0
    note = {"role": "cut", "content": f"[{gone} earlier messages are not kept]"}
    return [*head, note, *messages[start:]], gone


def _head(messages: list[Any], limit: int) -> list[Any]:
    """The system's instructions, shortened where they would leave no space for the rest."""
    first = messages[0]
    if not isinstance(first, Mapping) or first.get("role") not in ("system", "developer"):
        return []
    text = first.get("content")
    if isinstance(text, str):
        long = len(text) > limit
        kept = f"{text[:limit]}… [cut: {len(text)} characters in all]" if long else text
        return [{**first, "content": kept}]
    return [first] if _size(first) <= limit else []


def _size(value: Any) -> int:
    """About how many bytes of JSON a value takes."""
    if isinstance(value, str):
        return len(value) + _NODE
    if isinstance(value, Mapping):
        return sum(len(str(key)) + _size(item) for key, item in value.items()) + _NODE
    if isinstance(value, list | tuple):
        return sum(map(_size, value)) + _NODE
    return _NODE
