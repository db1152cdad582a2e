"""A prompt as the rules see it: words with their positions, sentences, and names of files etc.

Code, quoted text and quoted lines are not part of the words: they are not the user's own request.
Everything is linear in the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from clustertrace.prompts.language import language_of
from clustertrace.prompts.vocabulary import WORK

__all__ = ["Ask", "Draft", "Sentence", "Word", "read"]

_QUOTED: Final = re.compile(
    r'(?=[`>"“])(?:'  # rules out most positions at once
    r"(?P<block>```.*?(?:```|\Z))"
    r"|(?P<code>`[^`\n]+`)"
    r"|(?P<line>^>[^\n]*)"
    r'|(?P<words>"[^"\n]{1,300}"|“[^”\n]{1,300}”))',
    re.DOTALL | re.MULTILINE,
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_TOKEN: Final = re.compile(r"\S+")
_LIST_MARK: Final = re.compile(r"[ \t]*(?:[-*•+]|\d{1,3}[.)])[ \t]+")
_STOP: Final = re.compile(r"[.!?;…。！？][\"')\]]?\s")

_MAX_NAME: Final = 120
"""Longer tokens, in characters, are not taken for names of files or symbols."""

_EXTENSIONS: Final = (
    "py|pyi|ipynb|js|jsx|mjs|ts|tsx|vue|svelte|css|scss|html|md|rst|txt|json|jsonl|yaml|yml|toml|"
    "ini|cfg|env|lock|sql|sh|bash|ps1|go|rs|rb|php|java|kt|swift|c|h|cc|cpp|hpp|cs|scala|ex|exs|"
    "lua|r|dart|tf|proto|graphql|xml|csv|tsv|log|pdf|docx|xlsx|png|jpg|svg|zip"
)
_NAME: Final = re.compile(
    rf"""
      https?://\S+                               # an address
    | [\w\-./\\~@+]*\.(?:{_EXTENSIONS})(?::\d+)*  # a file
    | [./~\\][\w\-./\\]*[/\\][\w\-./\\]*          # a path
    | [\w\-.]+/[\w\-.]+/[\w\-./]*
    | [\w.]*[^\W_]_[^\W_][\w.]*(?:\(.*)?          # a_symbol
    | [\w.]*[a-z][A-Z][\w.]*(?:\(.*)?             # aSymbol
    | [A-Za-z_][\w.]*\(.*\)                       # a_call()
    | [A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+             # module.symbol
    | --[a-z][\w-]+                               # an --option
    | \#\d+                                       # an issue
    """,
    re.VERBOSE,
)
_NOT_SYMBOLS: Final = frozenset(
    "JavaScript TypeScript GitHub GitLab PostgreSQL MySQL NoSQL OpenAI iOS macOS GraphQL DevOps "
    "YouTube LinkedIn PowerPoint WhatsApp iPhone eBay LaTeX".split()
)

_LEADS: Final = frozenset(
    "please then also and now next first finally kindly just maybe perhaps".split()
)
"""Words that may precede the verb of a request."""

_POLITE: Final = (
    ("can", "you"),
    ("could", "you"),
    ("would", "you"),
    ("will", "you"),
    ("you", "should"),
    ("you", "must"),
    ("need", "to"),
    ("have", "to"),
    ("want", "to"),
    ("you", "to"),
    ("like", "to"),
    ("help", "me"),
    ("let's",),
    ("lets",),
)


_CLAUSE_WORDS: Final = 14
"""How many words of a clause are searched for its verb."""
_NEAR: Final = 300
"""Characters: the rest of a long sentence does not count as the context of a word."""


class Word(NamedTuple):
    """A word in lower case, and its position in characters."""

    text: str
    start: int
    end: int


class Sentence(NamedTuple):
    """A range of words: the first one, and the first one after it."""

    first: int
    last: int
    paragraph: int
    listed: bool
    """Whether it is an item of a list, or part of one."""


class Ask(NamedTuple):
    """A verb that requests a piece of work: the indexes of the word and of its sentence."""

    word: int
    sentence: int


@dataclass(frozen=True)
class Draft:
    """A prompt with what the rules need; created by `read`."""

    text: str
    visible: str
    """The text with quotations blanked out, of the same length."""
    blocks: tuple[tuple[int, int], ...]
    """Blocks of code and quoted lines."""
    quotations: tuple[tuple[int, int], ...]
    """Text in quotation marks, and inline code."""
    words: Sequence[Word]

    @cached_property
    def language(self) -> str | None:
        """`en`, or None for every other language."""
        return language_of(self.visible, [word.text for word in self.words])

    @cached_property
    def places(self) -> Mapping[str, Sequence[int]]:
        """The indexes of each word."""
        places_of: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(self.words):
            places_of[word.text].append(place)
        return places_of

    @cached_property
    def names(self) -> tuple[tuple[int, int], ...]:
        """The spans of files, symbols, paths, addresses and options, and of inline code."""
        spans = [span for span in self.quotations if self.text[span[0]] == "`"]
        for token in _TOKEN.finditer(self.visible):
            token_text = token.group()
            name = token_text.strip(".,;:!?'\"<>[]{}*")
            # Most tokens are plain words, which are not names.
            if len(token_text) > _MAX_NAME or (name.isalpha() and name.islower()):
                continue
            if name and name not in _NOT_SYMBOLS and _NAME.fullmatch(name):
                start = token.start() + token_text.index(name)
                spans.append((start, start + len(name)))
        return tuple(sorted(spans))

    @cached_property
    def sentences(self) -> Sequence[Sentence]:
        """The sentences, split at full stops, blank lines and list items."""
        sentences: list[Sentence] = []
        first = paragraph = 0
        listed = bool(self.words) and _is_item(self.visible[: self.words[0].start])
        for place in range(1, len(self.words)):
            gap = self.visible[self.words[place - 1].end : self.words[place].start]
            if gap == " ":
                continue
            new_line = "\n" in gap
            is_item = new_line and _is_item(gap.rpartition("\n")[2])
            is_blank_line = new_line and gap.count("\n") > 1
            starts_upper = new_line and not self.visible[self.words[place].start].islower()
            if is_item or is_blank_line or starts_upper or _STOP.search(gap):
                sentences.append(Sentence(first, place, paragraph, listed))
                first = place
                paragraph += is_blank_line
                listed = is_item or (listed and not new_line)
        if self.words:
            sentences.append(Sentence(first, len(self.words), paragraph, listed))
        return sentences

    @cached_property
    def asks(self) -> Sequence[Ask]:
        """The requests of the prompt, in order; `don't …` is not a request."""
        return [
            Ask(place, number)
            for number, sentence in enumerate(self.sentences)
            for place in range(sentence.first, sentence.last)
            if self.words[place].text in WORK and self._is_ask(sentence, place)
        ]

    def _is_ask(self, sentence: Sentence, place: int) -> bool:
        """Whether the verb at an index is an imperative, or a polite form of one."""
        before = place - 1
        while before >= sentence.first and self.words[before].text in _LEADS:
            before -= 1
        if before < sentence.first:
            return True
        joined = before < place - 1 or "," in self.gap(before)
        if joined and self.words[before].text not in ("to", "not"):
            return self.words[place - 1].text != "and" or self._clause_before(sentence, before)
        preceding = [word.text for word in self.words[max(sentence.first, before - 1) : before + 1]]
        return any(tuple(preceding[-len(lead) :]) == lead for lead in _POLITE)

    def _clause_before(self, sentence: Sentence, place: int) -> bool:
        """Whether the sentence has a verb of work up to an index, as in `fix a and test b`."""
        begin = max(sentence.first, place + 1 - _CLAUSE_WORDS)
        return any(word.text in WORK for word in self.words[begin : place + 1])

    def gap(self, place: int) -> str:
        """The text between a word and the next one."""
        next_place = place + 1
        end = self.words[next_place].start if next_place < len(self.words) else len(self.visible)
        return self.visible[self.words[place].end : end]

    def sentence_at(self, place: int) -> Sentence:
        """The sentence of the word at an index."""
        low, high = 0, len(self.sentences) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.sentences[middle].first <= place:
                low = middle
            else:
                high = middle - 1
        return self.sentences[low]

    def span(self, sentence: Sentence) -> tuple[int, int]:
        """The start and end of a sentence, in characters."""
        return self.words[sentence.first].start, self.words[sentence.last - 1].end

    def around(self, place: int) -> tuple[int, int]:
        """The part of a word's sentence that is near it, in characters."""
        start, end = self.span(self.sentence_at(place))
        word = self.words[place]
        return max(start, word.start - _NEAR), min(end, word.end + _NEAR)

    def names_in(self, start: int, end: int) -> bool:
        """Whether a file, a symbol or the like is named between two positions."""
        index = bisect_left(self.names, (start, 0))
        return index < len(self.names) and self.names[index][0] < end


def _is_item(before: str) -> bool:
    return bool(_LIST_MARK.match(before))


def read(text: str) -> Draft:
    """Read a prompt."""
    parts: list[str] = []
    blocks: list[tuple[int, int]] = []
    quotations: list[tuple[int, int]] = []
    position = 0
    for match in _QUOTED.finditer(text):
        start, end = match.span()
        is_block = match.lastgroup in ("block", "line")
        (blocks if is_block else quotations).append((start, end))
        # A block ends the sentence before it; inline code takes the place of a word.
        parts += [text[position:start], ("\n" if is_block else " ") * (end - start)]
        position = end
    visible = "".join((*parts, text[position:]))
    words = [
        Word(match.group().lower().replace("’", "'"), match.start(), match.end())
        for match in _WORD.finditer(visible)
    ]
    return Draft(text, visible, tuple(blocks), tuple(quotations), words)
