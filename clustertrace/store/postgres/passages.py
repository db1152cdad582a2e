"""The passage of a text that a search has found, with marks around its words.

As FTS5 does, only what the text was found for is marked: not a word of an alternative of which
another word is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from clustertrace.store.postgres.words import Near, Row, folded, parts_of, words_in
from clustertrace.store.search.index import MARK, MARK_END, PASSAGE_WORDS

__all__ = ["passages"]

_BEFORE: Final = 4
"""Words of a passage before the first that was sought."""
_MOST_BEGINNINGS: Final = 50

_Fields = Mapping[str, Sequence[str]]
"""The words of each field."""


def passages(expression: str, fields: Mapping[str, str | None]) -> dict[str, str]:
    """Of each field the passage that has most of what was sought, with marks around it."""
    found = {field: words_in(text or "") for field, text in fields.items()}
    words = {field: [folded(word[0]) for word in some] for field, some in found.items()}
    held = _Expression(expression, words).held()
    told = {}
    for field, some in found.items():
        hits = set(chain.from_iterable(_hits(words[field], one) for one in held))
        spans = [word.span() for word in some]
        told[field] = _passage(fields[field] or "", spans, hits)
    return told


class _Expression:
    """An expression, read from left to right for one span: which of its parts hold."""

    def __init__(self, expression: str, words: _Fields) -> None:
        self._parts = list(parts_of(expression))[::-1]
        self._words = words

    def held(self) -> Sequence[Row | Near]:
        """What the span was found for; nothing, if it would not be found."""
        return self._any() or ()

    def _any(self) -> list[Row | Near] | None:
        """Alternatives; None: none of them holds."""
        found = [self._all()]
        while self._next_is("OR"):
            found.append(self._all())
        holding = [some for some in found if some is not None]
        return list(chain.from_iterable(holding)) if holding else None

    def _all(self) -> list[Row | Near] | None:
        found = [self._without()]
        while self._next_is("AND"):
            found.append(self._without())
        whole: list[Row | Near] = []
        for some in found:
            if some is None:
                return None
            whole += some
        return whole

    def _without(self) -> list[Row | Near] | None:
        found = self._one()
        while self._next_is("NOT"):
            if self._one() is not None:
                found = None
        return found

    def _one(self) -> list[Row | Near] | None:
        part = self._parts.pop()
        if isinstance(part, str):
            inside = self._any()
            self._next_is(")")
            return inside
        holds = any(next(_hits(words, part), None) is not None for words in self._words.values())
        return [part] if holds else None

    def _next_is(self, word: str) -> bool:
        there = bool(self._parts) and self._parts[-1] == word
        if there:
            self._parts.pop()
        return there


def _hits(words: Sequence[str], sought: Row | Near) -> Iterator[int]:
    """Which words are part of what was sought."""
    if isinstance(sought, Row):
        for at in _found(words, sought):
            yield from range(at, at + len(sought.words))
        return
    ones, others = list(_found(words, sought.one)), list(_found(words, sought.other))
    for one in ones:
        for other in others:
            (first, row), (second, end) = sorted(((one, sought.one), (other, sought.other)))
            if second - first - len(row.words) <= sought.apart:
                yield from range(first, first + len(row.words))
                yield from range(second, second + len(end.words))


def _found(words: Sequence[str], sought: Row) -> Iterator[int]:
    if not sought.words:
        return
    *whole, last = sought.words
    for at in range(len(words) - len(whole)):
        end = words[at + len(whole)]
        if (end.startswith(last) if sought.prefix else end == last) and (
            list(words[at : at + len(whole)]) == whole
        ):
            yield at


def _passage(text: str, words: Sequence[tuple[int, int]], hits: set[int]) -> str:
    """The words around most of the hits; the beginning, where there are none."""
    begin = _best(hits, len(words))
    shown = words[begin : begin + PASSAGE_WORDS]
    if not shown:
        return text[:200]
    told, at = ["…"] if begin else [], shown[0][0] if begin else 0
    for number, (start, end) in enumerate(shown, begin):
        word = text[start:end]
        told += (text[at:start], f"{MARK}{word}{MARK_END}" if number in hits else word)
        at = end
    told.append("…" if begin + len(shown) < len(words) else text[at:])
    return "".join(told)


def _best(hits: set[int], words: int) -> int:
    """Where the passage begins that has most of the hits: a little before the first of them."""

    def inside(begin: int) -> int:
        return sum(1 for at in hits if begin <= at < begin + PASSAGE_WORDS - _BEFORE)

    best = max(sorted(hits)[:_MOST_BEGINNINGS], key=inside, default=0)
    return max(0, min(best - _BEFORE, words - PASSAGE_WORDS))
