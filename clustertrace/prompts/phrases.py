"""Fixed phrases, found among a draft's words by their first one: nothing backtracks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from clustertrace.prompts.draft import Draft

__all__ = ["Hit", "Phrases"]


_JOINTS: Final = frozenset("/\\_")
"""What ties a word to a path or a symbol."""


class Hit(NamedTuple):
    """A phrase that was found: its first word, the first behind it, and its characters."""

    first: int
    last: int
    start: int
    end: int


class Phrases:
    """Some phrases in lower case, separated by `|`; of two that begin alike the longer counts."""

    def __init__(self, phrases: str) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        for phrase in sorted(phrases.split("|"), key=len, reverse=True):
            words = phrase.split()
            self._by_first.setdefault(words[0], []).append(words)

    def find(self, draft: Draft) -> Iterator[Hit]:
        """Where they stand in a draft, in order."""
        begun = self._by_first.keys() & draft.places.keys()
        for place in sorted(place for first in begun for place in draft.places[first]):
            hit = self.at(draft, place)
            if hit:
                yield hit

    def at(self, draft: Draft, place: int) -> Hit | None:
        """The phrase that begins with the word at this place."""
        words = draft.words
        for phrase in self._by_first.get(words[place].text, ()):
            last = place + len(phrase)
            if [word.text for word in words[place:last]] == phrase and _together(
                draft, place, last
            ):
                return Hit(place, last, words[place].start, words[last - 1].end)
        return None

    def within(self, draft: Draft) -> bool:
        """Whether any of them is in a draft."""
        return next(self.find(draft), None) is not None


def _together(draft: Draft, first: int, last: int) -> bool:
    """Whether nothing but space and hyphens stands between these words, which are in no path."""
    before = draft.visible[: draft.words[first].start][-1:] if first == 0 else draft.gap(first - 1)
    if before[-1:] in _JOINTS or draft.gap(last - 1)[:1] in _JOINTS:
        return False
    return all(not draft.gap(at).strip(" \t\r\n-") for at in range(first, last - 1))
