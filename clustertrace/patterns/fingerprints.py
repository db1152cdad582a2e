"""Error messages that are the same except for what differs from run to run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from clustertrace.patterns.signature import normal_name
from clustertrace.telling.words import shortened

__all__ = ["MessageGroup", "fingerprint", "groups"]

_LONGEST: Final = 200
_VARYING: Final = re.compile(
    r"""(?P<quoted>"[^"]{1,200}"|'[^']{1,200}')|(?P<url>\bhttps?://\S+)|(?P<path>(?:/[\w.@-]+){2,})"""
)
_DIFFERS: Final = re.compile(r"\S*[#<]\S*")
"""A word of a fingerprint that stands for what differs."""
_PHRASE_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class MessageGroup:
    """Messages with one fingerprint."""

    fingerprint: str
    runs: int
    example: str
    """The newest of them, at most 200 characters of it."""
    trace_id: str
    """The newest run with such a message."""

    @property
    def phrase(self) -> str:
        """The longest run of words, at most eight, that all of these messages share."""
        stretches = _DIFFERS.split(self.fingerprint)
        return " ".join(max(stretches, key=len).split()[:_PHRASE_WORDS])


def fingerprint(message: str) -> str:
    """A message without quoted texts, addresses, paths, ids and numbers."""
    head = message[: 4 * _LONGEST]
    plain = _VARYING.sub(lambda found: f"<{found.lastgroup}>", head)
    return " ".join(normal_name(plain).split())[:_LONGEST]


def groups(messages: Iterable[tuple[str, str]]) -> list[MessageGroup]:
    """Messages, newest first with the ids of their runs, by fingerprint; most frequent first."""
    found: dict[str, MessageGroup] = {}
    for message, trace_id in messages:
        key = fingerprint(message)
        known = found.get(key)
        found[key] = (
            MessageGroup(key, known.runs + 1, known.example, known.trace_id)
            if known
            else MessageGroup(key, 1, shortened(message, _LONGEST), trace_id)
        )
    return sorted(found.values(), key=lambda group: (-group.runs, group.fingerprint))
