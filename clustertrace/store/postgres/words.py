"""Split texts and searches into words as SQLite's full-text index does.

PostgreSQL's own parser keeps file names, addresses and numbers whole, so the same search would find
other spans. A word here is a run of letters and digits, without accents, in lower case
(https://www.sqlite.org/fts5.html#unicode61_tokenizer).
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

_MAX_WORD: Final = 500
"""Significant characters of a word; PostgreSQL's limit is 2 kB."""
_LAST_POSITION: Final = 16_383
"""PostgreSQL's highest position: words after it are found, but not phrases."""
_MAX_WORDS: Final = 60_000
"""Indexed words per span: even with the longest words, below the limit of a megabyte."""
_GAP: Final = 100
"""Positions between the fields of a span, so that no phrase matches across them."""
_MAX_DISTANCE: Final = 50
"""The largest distance for NEAR: each distance needs a search of its own."""

_PARTS: Final = re.compile(
    r'NEAR\("([^"]*)"(\*?) "([^"]*)"(\*?), (\d+)\)|"([^"]*)"(\*?)|([()])|(AND|OR|NOT)'
)
_OPERATORS: Final = {"AND": "&", "OR": "|", "NOT": "& !"}
_NOTHING: Final = "' '"
"""A word that no text has, for searches without any word."""


class Row(NamedTuple):
    """A sequence of words to find; with `prefix`, the last one may be the start of a word."""

    words: tuple[str, ...]
    prefix: bool

    def is_prefix_at(self, index: int) -> bool:
        """Whether the word at an index is a prefix."""
        return self.prefix and index == len(self.words) - 1


class Near(NamedTuple):
    """Two sequences to find near each other, with at most `max_distance` words between them."""

    one: Row
    other: Row
    max_distance: int


def text_vector(fields: Sequence[str | None]) -> str:
    """The words of a span and their positions, as the text of a `tsvector`."""
    places: dict[str, list[str]] = defaultdict(list)
    position = count = 0
    for text in fields:
        for word in _folded_words(text or ""):
            position += 1
            count += 1
            if count > _MAX_WORDS:
                break
            places[word].append(str(min(position, _LAST_POSITION)))
        position += _GAP
    return " ".join(f"'{word}':{','.join(positions[:255])}" for word, positions in places.items())


def text_query(expression: str) -> str:
    """An FTS5 expression as the text of a `tsquery`."""
    return " ".join(
        _OPERATORS.get(part, part)
        if isinstance(part, str)
        else _near_query(part)
        if isinstance(part, Near)
        else _row_query(part)
        for part in parts_of(expression)
    )


def parts_of(expression: str) -> Iterator[Row | Near | str]:
    """The tokens of an FTS5 expression: searches, parentheses, AND, OR and NOT."""
    for match in _PARTS.finditer(expression):
        left, left_star, right, right_star, max_distance, words, star, parenthesis, operator = (
            match.groups()
        )
        if max_distance is not None:
            yield Near(
                _row_of_text(left, left_star), _row_of_text(right, right_star), int(max_distance)
            )
        elif words is not None:
            yield _row_of_text(words, star)
        else:
            yield parenthesis or operator


def words_in(text: str) -> list[re.Match[str]]:
    """The words of a text, as matches with their positions."""
    return list(_WORD.finditer(text))


def folded(text: str) -> str:
    """A text in lower case, without accents."""
    if text.isascii():
        return text.lower()
    return _ACCENT.sub("", unicodedata.normalize("NFD", text)).lower()


def _folded_words(text: str) -> list[str]:
    return [word[:_MAX_WORD] for word in _WORD.findall(folded(text))]


def _row_of_text(text: str, star: str) -> Row:
    return Row(tuple(_folded_words(text)), star == "*")


def _row_query(row: Row) -> str:
    if not row.words:
        return _NOTHING
    query = " <-> ".join(f"'{word}'" for word in row.words) + (":*" if row.prefix else "")
    return f"({query})" if len(row.words) > 1 else query


def _near_query(near: Near) -> str:
    left, right = _row_query(near.one), _row_query(near.other)
    steps = range(1, min(near.max_distance, _MAX_DISTANCE) + 2)
    alternatives = [f"{left} <{step}> {right} | {right} <{step}> {left}" for step in steps]
    # Sequences may overlap: a word is near itself.
    alternatives += map(
        _row_query, {*_overlaps(near.one, near.other), *_overlaps(near.other, near.one)}
    )
    return f"({' | '.join(alternatives)})"


def _overlaps(first: Row, second: Row) -> Iterator[Row]:
    """The sequences that contain both, the second starting at a word of the first."""
    for begin in range(len(first.words)):
        words = list(first.words)
        for index, word in enumerate(second.words, begin):
            if index >= len(words):
                words.append(word)
            elif not (
                longer := _common_word(
                    words[index],
                    first.is_prefix_at(index),
                    word,
                    second.is_prefix_at(index - begin),
                )
            ):
                break
            else:
                words[index] = longer
        else:
            last = len(words) - 1
            prefix = first.is_prefix_at(last) or (last >= len(first.words) and second.prefix)
            ends_together = last == len(first.words) - 1 == begin + len(second.words) - 1
            yield Row(tuple(words), prefix and (second.prefix or not ends_together))


def _common_word(word: str, is_prefix: bool, other: str, other_is_prefix: bool) -> str:
    """The word that matches both words, each of which may be a prefix; empty if none does."""
    if word == other or (other_is_prefix and word.startswith(other)):
        return word
    return other if is_prefix and other.startswith(word) else ""
