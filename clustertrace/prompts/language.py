"""Detect whether a text is English, well enough for the rules and without a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.prompts.vocabulary import ENGLISH, OTHERS

__all__ = ["language_of"]

_MIN_LATIN: Final = 0.8
"""The minimum share of Latin letters."""
_MAX_WORDS: Final = 400
"""Only so many words are checked."""
_MAX_LETTERS: Final = 4_000


def language_of(text: str, words: Sequence[str]) -> str | None:
    """`en`, or None for anything else; `words` are the words of the text, in lower case."""
    if not _is_latin(text[:_MAX_LETTERS]):
        return None
    checked = words[:_MAX_WORDS]
    english = sum(map(ENGLISH.__contains__, checked))
    others = sum(map(OTHERS.__contains__, checked))
    return "en" if english > others and english * 8 >= len(checked) else None


def _is_latin(text: str) -> bool:
    if text.isascii():
        return any(map(str.isalpha, text))
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum(1 for letter in letters if letter < "\u0250")
    return latin >= _MIN_LATIN * len(letters) > 0
