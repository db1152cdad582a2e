"""Extract what a user really wrote from a span's payload, without text of systems and tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.payloads.conversation import NO_PROMPT, parsed, part_text, with_role

__all__ = ["LONGEST", "written"]

LONGEST: Final = 8_000
"""How many characters are read and stored."""

_USER_ROLES: Final = ("user", "human")
"""A tuple, because a role may be any value, even an unhashable one."""
_PROMPT_KEYS: Final = ("messages", "input", "prompt", "contents")
"""Keys of a model call's payload that may hold the prompt."""

_NOT_WRITTEN: Final = (*NO_PROMPT, "<task-notification", "<REDACTED>")
_REMINDER: Final = ("<system-reminder>", "</system-reminder>")
"""Encloses what Claude Code adds to the user's message."""


def written(kind: str, given: Any, result: Any) -> str | None:
    """The prompt in a span's input (or a user turn's output); None if nobody wrote one.

    In a conversation it is the user's last message, the earlier ones belong to earlier runs.
    """
    if kind == "user":
        prompt = _message_text(result if given is None else given)
    elif kind in ("llm", "agent"):
        prompt = _prompt_in(parsed(given))
    else:
        # A function's arguments are not a prompt.
        prompt = None
    if prompt is None:
        return None
    text = _without_reminders(prompt).strip()
    return text[:LONGEST] if text and not text.startswith(_NOT_WRITTEN) else None


def _prompt_in(payload: Any) -> str | None:
    if isinstance(payload, str):
        return payload
    if isinstance(payload, Mapping):
        if payload.get("role") in _USER_ROLES:
            return _message_text(payload)
        content = next((payload[key] for key in _PROMPT_KEYS if payload.get(key)), None)
        return None if content is None else _prompt_in(content)
    if isinstance(payload, list):
        texts = (
            _message_text(message)
            for message in map(with_role, reversed(payload))
            if isinstance(message, Mapping) and message.get("role") in _USER_ROLES
        )
        return next(filter(None, texts), None)
    return None


def _message_text(message: Any) -> str | None:
    """The text of a message; None if it has none, such as one with a tool's result."""
    if isinstance(message, str):
        return message
    if isinstance(message, Mapping):
        for key in ("content", "parts", "text", "prompt"):
            if message.get(key):
                return _message_text(message[key])
        return None
    if isinstance(message, Sequence):
        texts = [text for part in message if (text := part_text(part)) is not None]
        return "\n".join(texts) or None
    return None


def _without_reminders(text: str) -> str:
    begin, end = _REMINDER
    head, mark, rest = text.partition(begin)
    parts = [head]
    while mark:
        _, _, after = rest.partition(end)
        head, mark, rest = after.partition(begin)
        parts.append(head)
    return "".join(parts)
