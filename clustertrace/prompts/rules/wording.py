"""Rules about single words and phrases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from clustertrace.prompts.draft import Draft, Word
from clustertrace.prompts.findings import Rule
from clustertrace.prompts.phrases import Hit, Phrases

__all__ = ["WORDING"]

_Occurrences = Iterator[tuple[int, int, str]]

_NEGATIONS: Final = frozenset("not no don't never without avoid isn't nothing".split())
_DIGIT: Final = re.compile(r"\d")


class VagueVerb(Rule):
    """A verb that many different changes would satisfy, in a sentence that names nothing."""

    name = "vague-verb"
    habit = "use vague verbs"
    level = "medium"
    suggestion = (
        "Say what must be different afterwards, for example “return an empty list instead of "
        "raising KeyError in load_users()”."
    )
    _phrases = Phrases(
        "improve|enhance|fix|handle|optimise|optimize|clean up|tidy up|tweak|polish|adjust|rework|"
        "revamp|deal with|look into|look at|sort out|take care of|work on|play with|modernise|"
        "modernize|streamline|make better|make it better|make it work|make it nice|do something"
    )

    def find(self, draft: Draft) -> _Occurrences:
        for hit in self._phrases.find(draft):
            start, end = draft.around(hit.first)
            # "Fix test_login in auth.py" is specific.
            if _negated(draft, hit) or draft.names_in(start, end + 1):
                continue
            yield hit.start, hit.end, "{} can be satisfied in many ways."


class VagueQuality(Rule):
    """A quality that can't be measured, in a sentence without a number."""

    name = "vague-quality"
    habit = "name qualities that can't be checked"
    level = "low"
    suggestion = (
        "Give a measure or an example: “under 200 ms for 10 000 rows”, “like the login page”."
    )
    _phrases = Phrases(
        "better|nicer|nice|cleaner|properly|robust|user friendly|appropriate|appropriately|"
        "high quality|best practices|production ready|scalable|performant|faster|more efficient|"
        "as needed|good looking|modern|professional|elegant|reasonable|suitable|cool|sensible"
    )

    def find(self, draft: Draft) -> _Occurrences:
        for hit in self._phrases.find(draft):
            start, end = draft.around(hit.first)
            if not _DIGIT.search(draft.text, start, end):
                yield hit.start, hit.end, "Nobody can check {}."


class Hedging(Rule):
    """Words that leave open whether something is wanted."""

    name = "hedging"
    habit = "hedge"
    level = "low"
    suggestion = "Decide: ask for it, or leave it out."
    _phrases = Phrases(
        "maybe|perhaps|possibly|probably|somehow|kind of|sort of|if possible|if you can|"
        "if you want|i guess|i think|i suppose|might want to|might be nice|try to|more or less|"
        "ideally|hopefully|or something|or whatever|not sure if|not sure whether|i'm not sure"
    )

    def find(self, draft: Draft) -> _Occurrences:
        for hit in self._phrases.find(draft):
            yield hit.start, hit.end, "{} leaves open whether you want it."


class OpenEnd(Rule):
    """A list that is left for the reader to complete."""

    name = "open-end"
    habit = "end lists with “etc.”"
    level = "low"
    suggestion = "Name all that is meant, or give the rule by which to decide."
    _phrases = Phrases(
        "etc|and so on|and so forth|and the like|and more|and stuff|stuff like that|"
        "things like that|and things|et cetera|and others|you name it"
    )

    def find(self, draft: Draft) -> _Occurrences:
        for hit in self._phrases.find(draft):
            yield hit.start, hit.end, "{} leaves the rest to guessing."


class Pronoun(Rule):
    """A pronoun before anything that it could stand for."""

    name = "pronoun"
    habit = "use pronouns that refer to nothing"
    level = "medium"
    suggestion = "Name the thing: the file, the function, the page, the message."
    _alone = frozenset("it its them they".split())
    _demonstratives = frozenset("this that these those".split())
    _referents = frozenset(
        "the a an my our your his her their each every any some no another one two three which "
        "whose all".split()
    )
    _after_demonstrative = frozenset(
        "is was are were be has had does did doesn't isn't to in on for with so and or but please "
        "as from at by into work works better faster again now first instead up out too".split()
    )
    _expletive = Phrases(
        "it is|it was|it would|it should be|it will|it may|it might|it takes|it seems|it's|it has"
    )

    def find(self, draft: Draft) -> _Occurrences:
        named = (*draft.names, *draft.quotations, *draft.blocks)
        first_name = min((start for start, _ in named), default=len(draft.text))
        for place, word in enumerate(draft.words):
            if word.start >= first_name or self._is_referent(draft, place):
                return
            if self._refers(draft, place):
                yield word.start, word.end, "Nothing before {} says what it stands for."
                return

    def _refers(self, draft: Draft, place: int) -> bool:
        word = draft.words[place]
        if word.text in self._alone:
            return not self._expletive.at(draft, place)
        if word.text not in self._demonstratives:
            return False
        ends_clause = place + 1 == len(draft.words) or draft.gap(place).strip(" ") != ""
        return ends_clause or draft.words[place + 1].text in self._after_demonstrative

    def _is_referent(self, draft: Draft, place: int) -> bool:
        """Whether a noun starts at a place: after an article, or as a name within the sentence."""
        word = draft.words[place]
        if word.text in self._referents:
            return True
        starts_sentence = draft.sentence_at(place).first == place
        return not starts_sentence and word.text != "i" and draft.text[word.start].isupper()


class UnseenContext(Rule):
    """A reference to an earlier conversation, which a new session does not see."""

    name = "unseen-context"
    habit = "refer to what can't be seen"
    level = "medium"
    suggestion = "Repeat what was agreed, or name the file that holds it."
    _phrases = Phrases(
        "as discussed|as we discussed|as i said|as mentioned|as before|like before|like last time|"
        "same as last time|same as before|as usual|the usual|you know what i mean|as agreed|"
        "as we agreed|from our last conversation|in our last conversation|as you know|"
        "the other day|from yesterday|as always|like we talked about|previously discussed"
    )

    def find(self, draft: Draft) -> _Occurrences:
        for hit in self._phrases.find(draft):
            yield hit.start, hit.end, "The model may not see what {} refers to."


class Placeholder(Rule):
    """Something that was meant to be filled in and was not."""

    name = "placeholder"
    habit = "leave placeholders in"
    level = "high"
    suggestion = "Fill it in, or take it out."
    _pattern = re.compile(
        r"(?=[tfxl<\[])(?:"  # rules out most positions at once
        r"\b(?:TODO|TBD|FIXME|XXX)\b"
        r"|[<\[](?:insert|your|enter|add your|put your|fill in)\b[^\n<>\[\]]{0,80}[>\]]"
        r"|\blorem ipsum\b)",
        re.IGNORECASE,
    )
    _shouted = frozenset({"todo", "tbd", "fixme", "xxx"})

    def find(self, draft: Draft) -> _Occurrences:
        for match in self._pattern.finditer(draft.visible):
            placeholder = match.group()
            if placeholder.lower() in self._shouted and (
                not placeholder.isupper() or _talked_about(draft, match)
            ):
                continue
            yield match.start(), match.end(), "{} was never filled in."


class Shouting(Rule):
    """Emphasis by capitals or exclamation marks."""

    name = "shouting"
    habit = "shout"
    level = "low"
    languages = None
    suggestion = "Say it once, with the reason why it matters."
    _pattern = re.compile(r"!{2,}|！{2,}")
    _acronym: Final = 5

    def find(self, draft: Draft) -> _Occurrences:
        for match in self._pattern.finditer(draft.visible):
            yield match.start(), match.end(), "{} adds no information."
        text = draft.text
        loud = [
            (place, word)
            for place, word in enumerate(draft.words)
            if text[word.start : word.end].isupper() and word.end - word.start > 1
        ]
        # Adjacent words have the same difference between their index here and in the draft.
        for _, run in groupby(enumerate(loud), lambda numbered: numbered[1][0] - numbered[0]):
            yield from self._run(draft, [word for _, (_, word) in run])

    def _run(self, draft: Draft, words: list[Word]) -> _Occurrences:
        if len(words) > 2 or any(len(word.text) > self._acronym for word in words):
            span = words[0].start, words[-1].end
            if "_" not in draft.text[max(0, span[0] - 1) : span[1] + 1]:
                yield *span, "{} is shouted."


def _negated(draft: Draft, hit: Hit) -> bool:
    first = draft.sentence_at(hit.first).first
    return any(
        word.text in _NEGATIONS for word in draft.words[max(first, hit.first - 3) : hit.first]
    )


def _talked_about(draft: Draft, match: re.Match[str]) -> bool:
    """Whether "TODO" is what the prompt is about: `remove every TODO comment`."""
    after = draft.visible[match.end() : match.end() + 12].lower().split()
    before = draft.visible[max(0, match.start() - 12) : match.start()].lower().split()
    near = {"comment", "comments", "list", "app", "item", "items", "the", "a", "every", "all", "my"}
    return bool(near & {*after[:1], *before[-1:]})


WORDING: Final[tuple[Rule, ...]] = (
    VagueVerb(),
    VagueQuality(),
    Hedging(),
    OpenEnd(),
    Pronoun(),
    UnseenContext(),
    Placeholder(),
    Shouting(),
)
