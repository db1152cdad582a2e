"""Rules about a request as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from clustertrace.prompts.draft import Draft
from clustertrace.prompts.findings import Rule
from clustertrace.prompts.phrases import Hit, Phrases

__all__ = ["ASKING"]

_Occurrences = Iterator[tuple[int, int, str]]

_NOT: Final = frozenset("not no don't never without avoid isn't".split())


class ManyAsks(Rule):
    """Three or more requests in one paragraph, outside a list."""

    name = "many-asks"
    habit = "join three or more asks"
    level = "medium"
    suggestion = "Send them one at a time, or number them and say which comes first."
    _max_asks = 2

    def find(self, draft: Draft) -> _Occurrences:
        loose = [ask for ask in draft.asks if not draft.sentences[ask.sentence].listed]
        by_paragraph = groupby(loose, lambda ask: draft.sentences[ask.sentence].paragraph)
        for _, paragraph in by_paragraph:
            asks = list(paragraph)
            if len(asks) <= self._max_asks:
                continue
            third = draft.words[asks[self._max_asks].word]
            yield third.start, third.end, f"{{}} begins ask number 3 of {len(asks)} in one breath."


class Contradiction(Rule):
    """Two wishes that can't both be met."""

    name = "contradiction"
    habit = "contradict themselves"
    level = "high"
    suggestion = "Keep one of the two, or say which wins where they conflict."
    _pairs: Final = (
        (
            Phrases("brief|briefly|concise|concisely|short answer|be short|keep it short|"
                    "in one sentence|in a sentence|one line answer|in a few words"),
            Phrases("detailed|in detail|thorough|thoroughly|comprehensive|in depth|exhaustive|"
                    "step by step explanation|as much detail as possible|at length|every detail|"
                    "all details|all the details"),
        ),
        (
            Phrases("no comments|without comments|don't add comments|no code comments"),
            Phrases("add comments|with comments|comment the code|explain every line|"
                    "comment every line|well commented"),
        ),
        (
            Phrases("no tests|without tests|don't write tests|don't add tests|skip the tests"),
            Phrases("add tests|write tests|add unit tests|write unit tests|with tests|"
                    "add a test|write a test"),
        ),
        (
            Phrases("don't write code|no code|without writing code|don't implement|only a plan"),
            Phrases("implement|write the code|write code"),
        ),
        (
            Phrases("no dependencies|no new dependencies|without dependencies|"
                    "standard library only|no third party"),
            Phrases("pip install|npm install|install the|add the package|add a dependency"),
        ),
        (
            Phrases("formal|formally|formal tone"),
            Phrases("casual|casually|informal|colloquial"),
        ),
    )  # fmt: skip
    _leave = Phrases(
        "don't change|don't modify|don't touch|don't edit|don't rename|don't remove|"
        "don't delete|do not change|do not modify|do not touch|do not edit|do not rename|"
        "do not remove|do not delete|never change|never modify|never touch|without changing|"
        "without touching|without modifying"
    )
    _change = frozenset("change modify edit rename remove delete refactor rewrite replace".split())
    _skip = frozenset("the a an any of my our your this that these those in to from".split())

    def find(self, draft: Draft) -> _Occurrences:
        for wish, opposite in self._pairs:
            first = self._first_wanted(draft, wish)
            second = first and self._first_wanted(draft, opposite)
            if first and second and not _overlap(first, second):
                yield self._contradiction(draft, *sorted((first, second)))
        protected = {
            thing: (hit.first, hit.last)
            for hit in self._leave.find(draft)
            if (thing := self._thing(draft, hit.last))
        }
        in_protections = {place for span in protected.values() for place in range(*span)}
        for place, word in enumerate(draft.words if protected else ()):
            if (
                word.text in self._change
                and place not in in_protections
                and not _negated(draft, place)
            ):
                thing = self._thing(draft, place + 1)
                if thing in protected:
                    first_place = min(place, protected[thing][0])
                    later = max(place, protected[thing][0])
                    yield (
                        draft.words[later].start,
                        draft.words[later].end,
                        f"{{}} contradicts what is said of {thing} at “"
                        f"{draft.words[first_place].text}”.",
                    )
                    return

    def _first_wanted(self, draft: Draft, phrases: Phrases) -> Hit | None:
        return next((hit for hit in phrases.find(draft) if not _negated(draft, hit.first)), None)

    def _contradiction(self, draft: Draft, first: Hit, second: Hit) -> tuple[int, int, str]:
        earlier = draft.text[first.start : first.end]
        return second.start, second.end, f"{{}} contradicts “{' '.join(earlier.split())}”."

    def _thing(self, draft: Draft, place: int) -> str | None:
        """The object of a verb that ends before a place: the first word that is not skipped."""
        end = min(len(draft.words), place + 4)
        for index in range(place, end):
            if draft.words[index].text not in self._skip:
                return draft.words[index].text
        return None


class ErrorNotQuoted(Rule):
    """Something fails, and the error message is missing."""

    name = "error-not-quoted"
    habit = "mention errors without quoting them"
    level = "medium"
    suggestion = "Paste the message as it is, with the command that caused it, between ``` lines."
    _phrases = Phrases(
        "error|errors|exception|exceptions|crash|crashes|crashing|crashed|traceback|"
        "stack trace|doesn't work|does not work|not working|isn't working|is broken|"
        "stopped working|fails|failing|keeps failing|failed|won't compile|doesn't compile|"
        "won't build|won't start"
    )
    _quote = re.compile(
        r"\b\w{1,60}(?:Error|Exception|Warning)\b|\bE\d{3,5}\b|\berror[ :]+\w{0,9}\d{3}"
        r"|Traceback \(most recent|\b[45]\d\d\b"
    )
    _wanted = frozenset(
        "handling handler handlers message messages handle raise raises throw throws catch log "
        "logging code codes type types case cases page return returns rate rates".split()
    )

    def find(self, draft: Draft) -> _Occurrences:
        for hit in self._phrases.find(draft):
            # "Add error handling" and "raise an error" do not report an error.
            near = draft.words[max(0, hit.first - 3) : hit.last + 1]
            if not any(word.text in self._wanted for word in near):
                if not self._is_quoted(draft):
                    yield hit.start, hit.end, "{} is mentioned, but its message is not quoted."
                return

    def _is_quoted(self, draft: Draft) -> bool:
        return (
            bool(draft.blocks)
            or any(draft.text[start] != "`" for start, _ in draft.quotations)
            or bool(self._quote.search(draft.text))
        )


class UnboundedOutput(Rule):
    """An answer without a limit."""

    name = "unbounded-output"
    habit = "ask for answers without a limit"
    level = "medium"
    suggestion = "Set a limit: “the five most likely causes”, “at most 200 words”, “only src/api”."
    _phrases = Phrases(
        "everything|all possible|every possible|as many as possible|as much as possible|"
        "as detailed as possible|every single|the entire codebase|the whole codebase|"
        "the entire project|the whole project|the entire repo|the whole repo|"
        "the whole repository|the entire repository|all the code|all files|all the files|"
        "anything and everything|full detail|complete list|exhaustive list|whatever you find|"
        "anything you find"
    )
    _limit = re.compile(
        r"\b(?:at most|no more than|up to|top|first|only|under|limit|maximum|exactly|within)\b",
        re.IGNORECASE,
    )

    def find(self, draft: Draft) -> _Occurrences:
        for hit in self._phrases.find(draft):
            start, end = draft.around(hit.first)
            if not _negated(draft, hit.first) and not self._limit.search(draft.text, start, end):
                yield hit.start, hit.end, "{} sets no limit."


class OnlyNegative(Rule):
    """A prompt that only says what is not wanted."""

    name = "only-negative"
    habit = "say only what is not wanted"
    level = "low"
    suggestion = "Say what to do instead: “keep the public functions as they are”."
    _dont = Phrases("don't|do not|never|avoid|stop")
    _instead = Phrases("instead|rather|keep|leave|return|only|but")

    def find(self, draft: Draft) -> _Occurrences:
        if draft.asks or self._instead.within(draft):
            return
        for hit in self._dont.find(draft):
            sentence = draft.sentence_at(hit.first)
            if hit.first == sentence.first:
                yield *draft.span(sentence), "{} says what to leave, and nothing says what to do."
                return


class WallOfText(Rule):
    """A long paragraph without any structure."""

    name = "wall-of-text"
    habit = "are one long paragraph"
    level = "low"
    languages = None
    suggestion = "Break it up: the goal first, then a list of conditions, then examples."
    _longest = 1_200
    """Characters between two line breaks."""
    _line = re.compile(r"[^\n]+")

    def find(self, draft: Draft) -> _Occurrences:
        for line in self._line.finditer(draft.visible):
            paragraph = line.group().strip()
            if len(paragraph) > self._longest and " " in paragraph:
                start = line.start() + line.group().index(paragraph[0])
                yield (
                    start,
                    start + len(paragraph),
                    f"{{}} goes on for {len(paragraph):,} characters.",
                )


def _negated(draft: Draft, place: int) -> bool:
    first = draft.sentence_at(place).first
    return any(word.text in _NOT for word in draft.words[max(first, place - 3) : place])


def _overlap(first: Hit, second: Hit) -> bool:
    return first.first < second.last and second.first < first.last


ASKING: Final[tuple[Rule, ...]] = (
    ManyAsks(),
    Contradiction(),
    ErrorNotQuoted(),
    UnboundedOutput(),
    OnlyNegative(),
    WallOfText(),
)
