"""What a user really wrote: the words of a span's payload that are neither system's nor tool's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clustertrace.payloads.conversation import NO_PROMPT, parsed, part_text

__all__ = ["LONGEST", "written"]

LONGEST: Final = 8_000
"""Characters that are looked at and kept."""

_USERS: Final = ("user", "human")
"""A tuple, since anything at all may stand for a role, also what has no hash."""
_HOLDERS: Final = ("messages", "input", "prompt", "contents")
"""Where a model call's payload may hold what was said."""

_NOT_WRITTEN: Final = (*NO_PROMPT, "<task-notification", "<REDACTED>")
_REMINDER: Final = ("<system-reminder>", "</system-reminder>")
"""What Claude Code puts into the user's place by itself."""


def written(kind: str, given: Any, result: Any) -> str | None:
    """The prompt in a span's input (or a user turn's output); None if nobody wrote one.

    Of a conversation it is the user's last message, since each run begins with what is new.
    """
    if kind == "user":
        said = _plain(result if given is None else given)
    elif kind in ("llm", "agent"):
        said = _asked(parsed(given))
    else:
        # A function's arguments are no prompt.
        said = None
    if said is None:
        return None
    text = _without_reminders(said).strip()
    return text[:LONGEST] if text and not text.startswith(_NOT_WRITTEN) else None


def _asked(given: Any) -> str | None:
    if isinstance(given, str):
        return given
    if isinstance(given, Mapping):
        if given.get("role") in _USERS:
            return _plain(given)
        held = next((given[key] for key in _HOLDERS if given.get(key)), None)
        return None if held is None else _asked(held)
    if isinstance(given, list):
        for message in reversed(given):
            if isinstance(message, Mapping) and message.get("role") in _USERS:
                said = _plain(message)
                if said:
                    return said
    return None


def _plain(said: Any) -> str | None:
    """The text of a message; None where it has none, as one that brings a tool's result."""
    if isinstance(said, str):
        return said
    if isinstance(said, Mapping):
        for key in ("content", "parts", "text", "prompt"):
            if said.get(key):
                return _plain(said[key])
        return None
    if isinstance(said, Sequence):
        texts = [text for part in said if (text := part_text(part)) is not None]
        return "\n".join(texts) or None
    return None


def _without_reminders(text: str) -> str:
    begin, end = _REMINDER
    head, mark, rest = text.partition(begin)
    parts = [head]
    while mark:
        _, _, behind = rest.partition(end)
        head, mark, rest = behind.partition(begin)
        parts.append(head)
    return "".join(parts)
