"""Words of texts and of searches, told apart as SQLite's full-text index does.

PostgreSQL's own parser would keep file names, addresses and numbers whole, so that the same search
would find other spans. A word here is a run of letters and digits, without accents, in small
letters (https://www.sqlite.org/fts5.html#unicode61_tokenizer).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from clustertrace.store.texts import MARK, MARK_END, PASSAGE_WORDS

__all__ = ["passages", "text_query", "text_vector"]

_ACCENTS: Final = "\u0300-\u036f"
_WORD: Final = re.compile(rf"[^\W_](?:[^\W_]|[{_ACCENTS}])*")
_ACCENT: Final = re.compile(f"[{_ACCENTS}]")

_LONGEST_WORD: Final = 500
"""Characters of a word that count: PostgreSQL's limit is 2 kB."""
_LAST_POSITION: Final = 16_383
"""PostgreSQL counts no further: behind it words are found, and phrases are not."""
_MOST_WORDS: Final = 60_000
"""Words of a span that are indexed: with its longest words, below the limit of a megabyte."""
_GAP: Final = 100
"""Between the fields of a span, so that no phrase is found across them."""
_MOST_APART: Final = 50
"""How far apart NEAR looks at most: each distance is a search of its own."""

_BEFORE: Final = 4
"""Words of a passage before the first that was sought."""
_MOST_BEGINNINGS: Final = 50

_PARTS: Final = re.compile(
    r'NEAR\("([^"]*)"(\*?) "([^"]*)"(\*?), (\d+)\)|"([^"]*)"(\*?)|([()])|(AND|OR|NOT)'
)
_OPERATORS: Final = {"AND": "&", "OR": "|", "NOT": "& !"}
_NOTHING: Final = "' '"
"""A word that no text has: what was sought holds none."""


class _Sought(NamedTuple):
    """Words in a row; `prefix`: the last of them may go on."""

    words: tuple[str, ...]
    prefix: bool


def text_vector(fields: Sequence[str | None]) -> str:
    """The words of a span and where they stand, as the text of a `tsvector`."""
    places: dict[str, list[str]] = defaultdict(list)
    at = count = 0
    for text in fields:
        for word in _words(text or ""):
            at += 1
            count += 1
            if count > _MOST_WORDS:
                break
            places[word].append(str(min(at, _LAST_POSITION)))
        at += _GAP
    return " ".join(f"'{word}':{','.join(where[:255])}" for word, where in places.items())


def text_query(expression: str) -> str:
    """An expression of FTS5 as the text of a `tsquery`."""
    parts: list[str] = []
    for found in _PARTS.finditer(expression):
        left, left_on, right, right_on, distance, alone, on, bracket, operator = found.groups()
        if distance is not None:
            near = (_row(_sought(left, left_on)), _row(_sought(right, right_on)))
            parts.append(_near(*near, int(distance)))
        elif alone is not None:
            parts.append(_row(_sought(alone, on)))
        else:
            parts.append(bracket or _OPERATORS[operator])
    return " ".join(parts)


def passages(expression: str, fields: Mapping[str, str | None]) -> dict[str, str]:
    """Of each field the passage that has most of what was sought, with marks around it."""
    sought = [
        one
        for found in _PARTS.finditer(expression)
        for text, on in (found.group(1, 2), found.group(3, 4), found.group(6, 7))
        if text is not None and (one := _sought(text, on)).words
    ]
    return {field: _passage(text or "", sought) for field, text in fields.items()}


def _words(text: str) -> list[str]:
    return [word[:_LONGEST_WORD] for word in _WORD.findall(_folded(text))]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    return _ACCENT.sub("", unicodedata.normalize("NFD", text)).lower()


def _sought(text: str, on: str) -> _Sought:
    return _Sought(tuple(_words(text)), on == "*")


def _row(sought: _Sought) -> str:
    if not sought.words:
        return _NOTHING
    row = " <-> ".join(f"'{word}'" for word in sought.words) + (":*" if sought.prefix else "")
    return f"({row})" if len(sought.words) > 1 else row


def _near(left: str, right: str, distance: int) -> str:
    steps = range(1, min(distance, _MOST_APART) + 2)
    ways = [f"{one} <{step}> {other}" for step in steps
            for one, other in ((left, right), (right, left))]  # fmt: skip
    return f"({' | '.join(ways)})"


def _passage(text: str, sought: Sequence[_Sought]) -> str:
    """The words around most of what was sought; the beginning, where there is none of it."""
    words = list(_WORD.finditer(text))
    hits = _hits([_folded(word[0])[:_LONGEST_WORD] for word in words], sought)
    begin = _best(hits, len(words))
    shown = words[begin : begin + PASSAGE_WORDS]
    if not shown:
        return text[:200]
    told, at = [], shown[0].start() if begin else 0
    if begin:
        told.append("…")
    for number, word in enumerate(shown, begin):
        told.append(text[at : word.start()])
        told.append(f"{MARK}{word[0]}{MARK_END}" if number in hits else word[0])
        at = word.end()
    told.append("…" if begin + len(shown) < len(words) else text[at:])
    return "".join(told)


def _hits(words: Sequence[str], sought: Sequence[_Sought]) -> set[int]:
    """Which words are part of what was sought."""
    return {
        at + step for one in sought for at in _found(words, one) for step in range(len(one.words))
    }


def _found(words: Sequence[str], sought: _Sought) -> Iterator[int]:
    *whole, last = sought.words
    for at in range(len(words) - len(whole)):
        end = words[at + len(whole)]
        if (end.startswith(last) if sought.prefix else end == last) and (
            list(words[at : at + len(whole)]) == whole
        ):
            yield at


def _best(hits: set[int], words: int) -> int:
    """Where the passage begins that has most of the hits: a little before the first of them."""

    def inside(begin: int) -> int:
        return sum(1 for at in hits if begin <= at < begin + PASSAGE_WORDS - _BEFORE)

    best = max(sorted(hits)[:_MOST_BEGINNINGS], key=inside, default=0)
    return max(0, min(best - _BEFORE, words - PASSAGE_WORDS))
