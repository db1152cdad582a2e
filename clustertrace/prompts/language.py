"""Whether a text is English, as far as the rules need to know; without a model or a download."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from clustertrace.prompts.vocabulary import ENGLISH, OTHERS

__all__ = ["language_of"]

_LATIN: Final = 0.8
"""Of a text's letters, this share must be Latin."""
_WORDS: Final = 400
"""The first so many words are looked at."""
_LETTERS: Final = 4_000


def language_of(text: str, words: Sequence[str]) -> str | None:
    """`en`, or None for anything else; `words` are those of the text, in lower case."""
    if not _is_latin(text[:_LETTERS]):
        return None
    looked_at = words[:_WORDS]
    english = sum(map(ENGLISH.__contains__, looked_at))
    others = sum(map(OTHERS.__contains__, looked_at))
    return "en" if english > others and english * 8 >= len(looked_at) else None


def _is_latin(text: str) -> bool:
    if text.isascii():
        return any(map(str.isalpha, text))
    letters = [letter for letter in text if letter.isalpha()]
    latin = sum(1 for letter in letters if letter < "\u0250")
    return latin >= _LATIN * len(letters) > 0
