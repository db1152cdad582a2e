"""How the demo's indexes compare a question with a text: by the words that they share."""

from __future__ import annotations

import re

__all__ = ["overlap", "words"]

_WORD = re.compile(r"[a-zäöüßáéíóúñ]+")
_COMMON = frozenset(
    "a about an and any are as at be but by can do does for from get have how i if in is it its "
    "many me my not of on one or our so than that the their there they this to up was we what "
    "when where which who why will with you your".split()
)


def words(text: str) -> frozenset[str]:
    """The words that carry meaning, in lower case, without a plural s."""
    return frozenset(
        word.rstrip("s") for word in _WORD.findall(text.lower()) if word not in _COMMON
    )


def overlap(question: str, text: str) -> float:
    """The share of the question's words that the text has, 0 to 1."""
    asked = words(question)
    return len(asked & words(text)) / len(asked) if asked else 0.0
