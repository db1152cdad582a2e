"""A prompt as the rules read it: its words with their places, its sentences, what it names.

Code, quoted text and quoted lines are hidden from the words: they are not the user's own asking.
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
    r'(?=[`>"“])(?:'  # spares all other characters four looks
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

_LONGEST_NAME: Final = 120
"""Characters of a token that are looked at: no file or symbol is longer."""

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
_NO_SYMBOLS: Final = frozenset(
    "JavaScript TypeScript GitHub GitLab PostgreSQL MySQL NoSQL OpenAI iOS macOS GraphQL DevOps "
    "YouTube LinkedIn PowerPoint WhatsApp iPhone eBay LaTeX".split()
)

_LEADS: Final = frozenset(
    "please then also and now next first finally kindly just maybe perhaps".split()
)
"""Words that may stand before the verb of an ask."""

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


_CLAUSE: Final = 14
"""Words of a clause that are looked at for its verb."""
_NEAR: Final = 300
"""Characters: what is farther away in a sentence does not belong to a word."""


class Word(NamedTuple):
    """A word in lower case, and where it stands, in characters."""

    text: str
    start: int
    end: int


class Sentence(NamedTuple):
    """A run of words: the first of them, and the first that is no longer in it."""

    first: int
    last: int
    paragraph: int
    listed: bool
    """It is an item of a list, or stands in one."""


class Ask(NamedTuple):
    """A verb that asks for a piece of work: its place among the words, and its sentence's."""

    word: int
    sentence: int


@dataclass(frozen=True)
class Draft:
    """A prompt with what the rules need to know of it; made by `read`."""

    text: str
    visible: str
    """The text with quotations blanked out, as long as the text."""
    blocks: tuple[tuple[int, int], ...]
    """Blocks of code and quoted lines."""
    quotations: tuple[tuple[int, int], ...]
    """Words between quotation marks, and code within a line."""
    words: Sequence[Word]

    @cached_property
    def language(self) -> str | None:
        """`en`, or None for every other language."""
        return language_of(self.visible, [word.text for word in self.words])

    @cached_property
    def places(self) -> Mapping[str, Sequence[int]]:
        """For each word, at which places among the words it stands."""
        found: dict[str, list[int]] = defaultdict(list)
        for at, word in enumerate(self.words):
            found[word.text].append(at)
        return found

    @cached_property
    def names(self) -> tuple[tuple[int, int], ...]:
        """Where files, symbols, paths, addresses and options are named, code in lines included."""
        found = [span for span in self.quotations if self.text[span[0]] == "`"]
        for token in _TOKEN.finditer(self.visible):
            said = token.group()
            name = said.strip(".,;:!?'\"<>[]{}*")
            # Most are plain words, and no name is one.
            if len(said) > _LONGEST_NAME or (name.isalpha() and name.islower()):
                continue
            if name and name not in _NO_SYMBOLS and _NAME.fullmatch(name):
                start = token.start() + said.index(name)
                found.append((start, start + len(name)))
        return tuple(sorted(found))

    @cached_property
    def sentences(self) -> Sequence[Sentence]:
        """The sentences, cut at full stops, blank lines and list items."""
        found: list[Sentence] = []
        first = paragraph = 0
        listed = bool(self.words) and _is_item(self.visible[: self.words[0].start])
        for at in range(1, len(self.words)):
            gap = self.visible[self.words[at - 1].end : self.words[at].start]
            if gap == " ":
                continue
            new_line = "\n" in gap
            item = new_line and _is_item(gap.rpartition("\n")[2])
            blank = new_line and gap.count("\n") > 1
            begins = new_line and not self.visible[self.words[at].start].islower()
            if item or blank or begins or _STOP.search(gap):
                found.append(Sentence(first, at, paragraph, listed))
                first = at
                paragraph += blank
                listed = item or (listed and not new_line)
        if self.words:
            found.append(Sentence(first, len(self.words), paragraph, listed))
        return found

    @cached_property
    def asks(self) -> Sequence[Ask]:
        """What the prompt asks for, in order; `don't …` is no ask."""
        return [
            Ask(at, number)
            for number, sentence in enumerate(self.sentences)
            for at in range(sentence.first, sentence.last)
            if self.words[at].text in WORK and self._asks(sentence, at)
        ]

    def _asks(self, sentence: Sentence, at: int) -> bool:
        """Whether the verb at this place is an imperative, or politely stands for one."""
        before = at - 1
        while before >= sentence.first and self.words[before].text in _LEADS:
            before -= 1
        if before < sentence.first:
            return True
        joined = before < at - 1 or "," in self.gap(before)
        if joined and self.words[before].text not in ("to", "not"):
            return self.words[at - 1].text != "and" or self._clause_before(sentence, before)
        so_far = [word.text for word in self.words[max(sentence.first, before - 1) : before + 1]]
        return any(tuple(so_far[-len(lead) :]) == lead for lead in _POLITE)

    def _clause_before(self, sentence: Sentence, at: int) -> bool:
        """Whether a verb of work stands in the sentence up to this place: `fix a and test b`."""
        begin = max(sentence.first, at + 1 - _CLAUSE)
        return any(word.text in WORK for word in self.words[begin : at + 1])

    def gap(self, at: int) -> str:
        """What stands between a word and the next one."""
        after = at + 1
        end = self.words[after].start if after < len(self.words) else len(self.visible)
        return self.visible[self.words[at].end : end]

    def sentence_at(self, place: int) -> Sentence:
        """The sentence that the word at this place belongs to."""
        low, high = 0, len(self.sentences) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.sentences[middle].first <= place:
                low = middle
            else:
                high = middle - 1
        return self.sentences[low]

    def span(self, sentence: Sentence) -> tuple[int, int]:
        """Where a sentence begins and ends, in characters."""
        return self.words[sentence.first].start, self.words[sentence.last - 1].end

    def around(self, place: int) -> tuple[int, int]:
        """The sentence of a word in characters, as far as it is near."""
        start, end = self.span(self.sentence_at(place))
        word = self.words[place]
        return max(start, word.start - _NEAR), min(end, word.end + _NEAR)

    def names_in(self, start: int, end: int) -> bool:
        """Whether a file, a symbol or the like is named between these characters."""
        at = bisect_left(self.names, (start, 0))
        return at < len(self.names) and self.names[at][0] < end


def _is_item(before: str) -> bool:
    return bool(_LIST_MARK.match(before))


def read(text: str) -> Draft:
    """Read a prompt."""
    parts: list[str] = []
    blocks: list[tuple[int, int]] = []
    quotations: list[tuple[int, int]] = []
    at = 0
    for match in _QUOTED.finditer(text):
        start, end = match.span()
        block = match.lastgroup in ("block", "line")
        (blocks if block else quotations).append((start, end))
        # A block ends the sentence before it; code in a line stands for a word of it.
        parts += [text[at:start], ("\n" if block else " ") * (end - start)]
        at = end
    visible = "".join((*parts, text[at:]))
    words = [
        Word(match.group().lower().replace("’", "'"), match.start(), match.end())
        for match in _WORD.finditer(visible)
    ]
    return Draft(text, visible, tuple(blocks), tuple(quotations), words)
