"""The passage of a text that matches a search, with marks around the matching words.

As in FTS5, only what actually matched is marked: not a word of an alternative of which another
word is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from clustertrace.store.postgres.words import Near, Row, folded, parts_of, words_in
from clustertrace.store.search.index import MARK, MARK_END, PASSAGE_WORDS

__all__ = ["passages"]

_WORDS_BEFORE: Final = 4
"""How many words a passage has before its first match."""
_MAX_STARTS: Final = 50

_Fields = Mapping[str, Sequence[str]]
"""The words of each field."""


def passages(expression: str, fields: Mapping[str, str | None]) -> dict[str, str]:
    """The passage of each field with the most matches, which are marked."""
    matches = {field: words_in(text or "") for field, text in fields.items()}
    words = {
        field: [folded(match[0]) for match in field_matches]
        for field, field_matches in matches.items()
    }
    sought_parts = _Expression(expression, words).matched()
    texts = {}
    for field, field_matches in matches.items():
        hits = set(chain.from_iterable(_hits(words[field], part) for part in sought_parts))
        spans = [match.span() for match in field_matches]
        texts[field] = _passage(fields[field] or "", spans, hits)
    return texts


class _Expression:
    """Evaluates an expression for one span, from left to right, and collects what matches."""

    def __init__(self, expression: str, words: _Fields) -> None:
        self._parts = list(parts_of(expression))[::-1]
        self._words = words

    def matched(self) -> Sequence[Row | Near]:
        """The parts that match the span; empty if the whole expression does not."""
        return self._any() or ()

    def _any(self) -> list[Row | Near] | None:
        """Alternatives; None if none of them matches."""
        alternatives = [self._all()]
        while self._next_is("OR"):
            alternatives.append(self._all())
        matching = [parts for parts in alternatives if parts is not None]
        return list(chain.from_iterable(matching)) if matching else None

    def _all(self) -> list[Row | Near] | None:
        operands = [self._difference()]
        while self._next_is("AND"):
            operands.append(self._difference())
        parts_held: list[Row | Near] = []
        for parts in operands:
            if parts is None:
                return None
            parts_held += parts
        return parts_held

    def _difference(self) -> list[Row | Near] | None:
        parts = self._operand()
        while self._next_is("NOT"):
            if self._operand() is not None:
                parts = None
        return parts

    def _operand(self) -> list[Row | Near] | None:
        part = self._parts.pop()
        if isinstance(part, str):
            parts = self._any()
            self._next_is(")")
            return parts
        is_found = any(next(_hits(words, part), None) is not None for words in self._words.values())
        return [part] if is_found else None

    def _next_is(self, word: str) -> bool:
        is_next = bool(self._parts) and self._parts[-1] == word
        if is_next:
            self._parts.pop()
        return is_next


def _hits(words: Sequence[str], sought: Row | Near) -> Iterator[int]:
    """The indexes of words that are part of a match."""
    if isinstance(sought, Row):
        for start in _starts(words, sought):
            yield from range(start, start + len(sought.words))
        return
    one_starts, other_starts = list(_starts(words, sought.one)), list(_starts(words, sought.other))
    for one_start in one_starts:
        for other_start in other_starts:
            (first, row), (second, end) = sorted(
                ((one_start, sought.one), (other_start, sought.other))
            )
            if second - first - len(row.words) <= sought.max_distance:
                yield from range(first, first + len(row.words))
                yield from range(second, second + len(end.words))


def _starts(words: Sequence[str], sought: Row) -> Iterator[int]:
    if not sought.words:
        return
    *leading, last = sought.words
    for start in range(len(words) - len(leading)):
        last_word = words[start + len(leading)]
        if (last_word.startswith(last) if sought.prefix else last_word == last) and (
            list(words[start : start + len(leading)]) == leading
        ):
            yield start


def _passage(text: str, words: Sequence[tuple[int, int]], hits: set[int]) -> str:
    """The words around most of the hits; the beginning of the text if there are none."""
    begin = _best_start(hits, len(words))
    shown = words[begin : begin + PASSAGE_WORDS]
    if not shown:
        return text[:200]
    pieces, position = ["…"] if begin else [], shown[0][0] if begin else 0
    for number, (start, end) in enumerate(shown, begin):
        word = text[start:end]
        pieces += (text[position:start], f"{MARK}{word}{MARK_END}" if number in hits else word)
        position = end
    pieces.append("…" if begin + len(shown) < len(words) else text[position:])
    return "".join(pieces)


def _best_start(hits: set[int], words: int) -> int:
    """The start of the passage with the most hits, a few words before the first of them."""

    def inside(begin: int) -> int:
        return sum(1 for hit in hits if begin <= hit < begin + PASSAGE_WORDS - _WORDS_BEFORE)

    best = max(sorted(hits)[:_MAX_STARTS], key=inside, default=0)
    return max(0, min(best - _WORDS_BEFORE, words - PASSAGE_WORDS))
