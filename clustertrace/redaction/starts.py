"""Where in a text a pattern of secrets may begin, because of what the scan found at a place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from clustertrace.redaction.names import LONGEST_TO_LETTER, WORD

__all__ = ["Starts", "around", "at_name", "at_pass", "at_quote", "at_user", "at_word"]

Starts = Callable[[str, int], Iterable[int]]
"""Given a text and a place in it, all that come into question."""

_LONGEST_NAME: Final = 256
"""So far before its last word a name may begin."""

_USER: Final = re.compile("user", re.IGNORECASE)
_USER_OR_ROLE: Final = re.compile("user|role", re.IGNORECASE)
_USER_BEFORE_PASSWORD: Final = 600
"""So far before a user's password their name may stand."""


def around(before: int = 0, after: int = 0) -> Starts:
    """From so many characters before the place to so many after it."""
    return lambda text, place: range(max(0, place - before), place + after + 1)


def at_word(text: str, place: int) -> Iterator[int]:
    """At the words for a secret of which the place is a letter."""
    word = WORD()
    for start in range(max(0, place - LONGEST_TO_LETTER), place + 1):
        if word.match(text, start):
            yield start


def at_name(before: int) -> Starts:
    """At the name of which the place is a letter, and so many characters before it."""
    return lambda text, place: range(max(0, _name(text, place) - before), place + 1)


def at_quote(text: str, place: int) -> Iterator[int]:
    """At the quote in front of the name, and at the bracket of a pair in front of that.

    Letters may stand between the two: `(b"authorization", b"…")`.
    """
    name = _name(text, place)
    if text[name - 1 : name] in ('"', "'"):
        quote = _behind(text, name - 1, "\\")
        yield quote
        literal = _behind(text, quote, "bfruBFRU@")
        yield max(0, _behind(text, literal, None) - 1)


def at_pass(text: str, place: int) -> Iterator[int]:
    """At the names of users in front of a `pass`."""
    if text[place : place + 4].lower() == "pass":
        for user in _USER.finditer(text, max(0, place - _USER_BEFORE_PASSWORD), place):
            name = _name(text, user.start())
            # In JSON the letter of a line's end (`\n`) seems to belong to the name.
            yield from (name, name + 1)


def at_user(text: str, place: int) -> Iterator[int]:
    """At the word for whom a password is, in front of it."""
    for user in _USER_OR_ROLE.finditer(text, max(0, place - _USER_BEFORE_PASSWORD), place):
        yield user.start()


def _name(text: str, place: int) -> int:
    """Where the name begins of which the place is a letter."""
    start, least = place, max(0, place - _LONGEST_NAME)
    while start > least and (text[start - 1].isalnum() or text[start - 1] in "_.-"):
        start -= 1
    return start


def _behind(text: str, end: int, characters: str | None) -> int:
    """The end of what stands in front of these characters, or of spaces, that end at `end`."""
    part = text[max(0, end - _LONGEST_NAME) : end]
    return end - len(part) + len(part.rstrip(characters))
