"""Find fixed phrases in a draft by their first word, without backtracking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from clustertrace.prompts.draft import Draft

__all__ = ["Hit", "Phrases"]


_JOINERS: Final = frozenset("/\\_")
"""Characters that make a word part of a path or a symbol."""


class Hit(NamedTuple):
    """An occurrence of a phrase: its first word, the first word after it, and its characters."""

    first: int
    last: int
    start: int
    end: int


class Phrases:
    """Phrases in lower case, separated by `|`; the longest match wins."""

    def __init__(self, phrases: str) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        for phrase in sorted(phrases.split("|"), key=len, reverse=True):
            words = phrase.split()
            self._by_first.setdefault(words[0], []).append(words)

    def find(self, draft: Draft) -> Iterator[Hit]:
        """Their occurrences in a draft, in order."""
        first_words = self._by_first.keys() & draft.places.keys()
        for place in sorted(place for first in first_words for place in draft.places[first]):
            hit = self.at(draft, place)
            if hit:
                yield hit

    def at(self, draft: Draft, place: int) -> Hit | None:
        """The phrase that starts with the word at an index."""
        words = draft.words
        for phrase in self._by_first.get(words[place].text, ()):
            last = place + len(phrase)
            if [word.text for word in words[place:last]] == phrase and _is_contiguous(
                draft, place, last
            ):
                return Hit(place, last, words[place].start, words[last - 1].end)
        return None

    def within(self, draft: Draft) -> bool:
        """Whether any of them occurs in a draft."""
        return next(self.find(draft), None) is not None


def _is_contiguous(draft: Draft, first: int, last: int) -> bool:
    """Whether words are separated by spaces and hyphens only, and not part of a path."""
    before = draft.visible[: draft.words[first].start][-1:] if first == 0 else draft.gap(first - 1)
    if before[-1:] in _JOINERS or draft.gap(last - 1)[:1] in _JOINERS:
        return False
    return all(not draft.gap(at).strip(" \t\r\n-") for at in range(first, last - 1))
