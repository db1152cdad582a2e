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
    letters = [letter for letter in text[:_LETTERS] if letter.isalpha()]
    latin = sum(1 for letter in letters if letter < "\u0250")
    if not letters or latin < _LATIN * len(letters):
        return None
    looked_at = words[:_WORDS]
    english = sum(1 for word in looked_at if word in ENGLISH)
    others = sum(1 for word in looked_at if word in OTHERS)
    return "en" if english > others and english * 8 >= len(looked_at) else None
