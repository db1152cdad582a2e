"""What of a conversation is kept that is too long: its opening, and the newest messages.

An agent sends the whole conversation again with each call. What a call is about stands at the end,
what all of it is for at the beginning: the system's instructions and the user's first message. That
opening has a part of the space for sure (a third). The newest message leaves an eighth of the rest
to those before it; they follow backwards until the space is used. What stands between is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from clustertrace.record.rebuilding import Rebuilder

__all__ = ["is_conversation", "left_out", "shortened", "whose"]

_SAID: Final = ("content", "parts", "text", "tool_calls")
"""What messages with a role hold; people may have one as well."""

_WITHOUT_ROLE: Final = (
    ("content", "type", ("human", "ai", "system", "tool", "function")),  # LangChain's objects
    ("data", "type", ("human", "ai", "system", "tool", "function")),  # and what it dumps of them
    ("parts", "kind", ("request", "response")),  # Pydantic AI
    ("call_id", "type", ("function_call", "function_call_output")),  # OpenAI's Responses
    ("call_id", "type", ("custom_tool_call", "custom_tool_call_output")),
)
"""What messages hold that have no role, and under which key they say what they are. (A tool that a
model may call is of the type `function` too, but says nothing.)"""

_ASKING: Final = ("user", "human", "request")
_INSTRUCTING: Final = ("system", "developer")

_WHOSE: Final = ("role", "type", "kind")
_LONGEST_WORD: Final = 32

_LEAST: Final = 256
"""With less space than this, no further message is begun."""

_LEFT_OUT: Final = r"\[cut: (\d{1,12}) earlier messages?\]"
"""Not compiled before it is needed: few programs have conversations that are too long."""

Make = Callable[[Any], Any]


def is_conversation(values: Sequence[Any]) -> bool:
    """Whether these are messages, by the last of them."""
    return len(values) > 1 and _speaker(values[-1]) is not None


def shortened(
    messages: Sequence[Any], make: Make, budget: Rebuilder, opening_share: float
) -> dict[int, Any]:
    """What `make` makes of the messages that are kept, by their place."""
    opening = messages[: _opening(messages)]
    sizes = [budget.cost(make, message) for message in opening]
    room = budget.left - min(sum(sizes), int(budget.left * opening_share))
    made: dict[int, Any] = budget.within(
        room, lambda all_: _newest(all_, len(opening), make, budget), messages
    )
    # What the newest messages leave is the opening's too.
    return made | _shared(opening, sizes, make, budget)


def whose(message: Mapping[Any, Any]) -> dict[str, str]:
    """What says whose message it is: a few letters, which may stand behind all that it says."""
    try:
        words = {key: message.get(key) for key in _WHOSE}
        return {
            key: word[:_LONGEST_WORD]
            for key, word in words.items()
            if isinstance(word, str) and len(word) <= _LONGEST_WORD and word.isascii()
        }
    except Exception:
        # A value may do anything when it is looked at.
        return {}


def left_out(messages: Sequence[Any]) -> str:
    """What stands in the place of messages; there may be such a note among them."""
    notes = [re.fullmatch(_LEFT_OUT, one) if isinstance(one, str) else None for one in messages]
    count = sum(int(note[1]) if note else 1 for note in notes)
    return f"[cut: {count} earlier message{'s' * (count > 1)}]"


def _opening(messages: Sequence[Any]) -> int:
    """How many messages instruct, and ask first; never the newest of all."""
    speakers = [_speaker(message) for message in messages[: min(3, len(messages) - 1)]]
    for at, speaker in enumerate(speakers):
        if speaker not in _INSTRUCTING:
            return at + (speaker in _ASKING)
    return len(speakers)


def _shared(
    messages: Sequence[Any], sizes: Sequence[int], make: Make, budget: Rebuilder
) -> dict[int, Any]:
    """All of some messages: what the short ones leave is for the long ones."""
    made = {}
    for beside, at in enumerate(sorted(range(len(messages)), key=sizes.__getitem__)):
        made[at] = budget.within(budget.left // (len(messages) - beside), make, messages[at])
    return made


def _newest(messages: Sequence[Any], first: int, make: Make, budget: Rebuilder) -> dict[int, Any]:
    """The last messages from `first` on, as many as there is space for."""
    at = len(messages) - 1
    room = budget.left if at == first else budget.left - budget.left // 8
    made = {at: budget.within(room, make, messages[at])}
    while at > first and budget.left > _LEAST and not budget.is_spent:
        at -= 1
        made[at] = make(messages[at])
    return made


def _speaker(message: Any) -> str | None:
    """Whose message it is; None for what is no message."""
    try:
        fields = message if isinstance(message, Mapping) else vars(message)
        role = fields.get("role")
        if isinstance(role, str) and any(key in fields for key in _SAID):
            return role
        kinds = (
            fields.get(key)
            for held, key, known in _WITHOUT_ROLE
            if held in fields and fields.get(key) in known
        )
        return next(kinds, None)
    except Exception:
        # A value may do anything when it is looked at.
        return None
