"""Words of texts and of searches, told apart as SQLite's full-text index does.

PostgreSQL's own parser would keep file names, addresses and numbers whole, so that the same search
would find other spans. A word here is a run of letters and digits, without accents, in small
letters (https://www.sqlite.org/fts5.html#unicode61_tokenizer).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

__all__ = ["Near", "Row", "folded", "parts_of", "text_query", "text_vector", "words_in"]

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

_PARTS: Final = re.compile(
    r'NEAR\("([^"]*)"(\*?) "([^"]*)"(\*?), (\d+)\)|"([^"]*)"(\*?)|([()])|(AND|OR|NOT)'
)
_OPERATORS: Final = {"AND": "&", "OR": "|", "NOT": "& !"}
_NOTHING: Final = "' '"
"""A word that no text has: what was sought holds none."""


class Row(NamedTuple):
    """Words in a row that are sought; `prefix`: the last of them may go on."""

    words: tuple[str, ...]
    prefix: bool

    def goes_on(self, at: int) -> bool:
        """Whether the word at this place is just the beginning of one."""
        return self.prefix and at == len(self.words) - 1


class Near(NamedTuple):
    """Two rows that are sought near each other, with so many words between them at most."""

    one: Row
    other: Row
    apart: int


def text_vector(fields: Sequence[str | None]) -> str:
    """The words of a span and where they stand, as the text of a `tsvector`."""
    places: dict[str, list[str]] = defaultdict(list)
    at = count = 0
    for text in fields:
        for word in _folded_words(text or ""):
            at += 1
            count += 1
            if count > _MOST_WORDS:
                break
            places[word].append(str(min(at, _LAST_POSITION)))
        at += _GAP
    return " ".join(f"'{word}':{','.join(where[:255])}" for word, where in places.items())


def text_query(expression: str) -> str:
    """An expression of FTS5 as the text of a `tsquery`."""
    return " ".join(
        _OPERATORS.get(part, part)
        if isinstance(part, str)
        else _near_query(part)
        if isinstance(part, Near)
        else _row_query(part)
        for part in parts_of(expression)
    )


def parts_of(expression: str) -> Iterator[Row | Near | str]:
    """What an expression of FTS5 consists of: what is sought, parentheses, AND, OR and NOT."""
    for found in _PARTS.finditer(expression):
        left, left_on, right, right_on, apart, alone, on, bracket, operator = found.groups()
        if apart is not None:
            yield Near(_row_of_text(left, left_on), _row_of_text(right, right_on), int(apart))
        elif alone is not None:
            yield _row_of_text(alone, on)
        else:
            yield bracket or operator


def words_in(text: str) -> list[re.Match[str]]:
    """Where the words of a text stand."""
    return list(_WORD.finditer(text))


def folded(text: str) -> str:
    """A text in small letters, without accents."""
    if text.isascii():
        return text.lower()
    return _ACCENT.sub("", unicodedata.normalize("NFD", text)).lower()


def _folded_words(text: str) -> list[str]:
    return [word[:_LONGEST_WORD] for word in _WORD.findall(folded(text))]


def _row_of_text(text: str, on: str) -> Row:
    return Row(tuple(_folded_words(text)), on == "*")


def _row_query(sought: Row) -> str:
    if not sought.words:
        return _NOTHING
    row = " <-> ".join(f"'{word}'" for word in sought.words) + (":*" if sought.prefix else "")
    return f"({row})" if len(sought.words) > 1 else row


def _near_query(sought: Near) -> str:
    one, other = _row_query(sought.one), _row_query(sought.other)
    steps = range(1, min(sought.apart, _MOST_APART) + 2)
    ways = [f"{one} <{step}> {other} | {other} <{step}> {one}" for step in steps]
    # Rows may overlap: a word is near itself.
    ways += map(
        _row_query, {*_overlaps(sought.one, sought.other), *_overlaps(sought.other, sought.one)}
    )
    return f"({' | '.join(ways)})"


def _overlaps(one: Row, other: Row) -> Iterator[Row]:
    """The rows of words in which both are, the other beginning at a word of the one."""
    for begin in range(len(one.words)):
        words = list(one.words)
        for at, word in enumerate(other.words, begin):
            if at >= len(words):
                words.append(word)
            elif not (
                longer := _longer(words[at], one.goes_on(at), word, other.goes_on(at - begin))
            ):
                break
            else:
                words[at] = longer
        else:
            last = len(words) - 1
            prefix = one.goes_on(last) or (last >= len(one.words) and other.prefix)
            both = last == len(one.words) - 1 == begin + len(other.words) - 1
            yield Row(tuple(words), prefix and (other.prefix or not both))


def _longer(word: str, goes_on: bool, other: str, other_goes_on: bool) -> str:
    """A word that is both of these, of which each may be just the beginning; empty: none is."""
    if word == other or (other_goes_on and word.startswith(other)):
        return word
    return other if goes_on and other.startswith(word) else ""
