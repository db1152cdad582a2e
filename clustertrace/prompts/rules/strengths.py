"""Good habits, which a prompt may have, or lack where they would help."""

from __future__ import annotations

import re
from typing import Final

from clustertrace.prompts.draft import Draft
from clustertrace.prompts.findings import Strength
from clustertrace.prompts.phrases import Hit, Phrases
from clustertrace.prompts.vocabulary import WORK

__all__ = ["STRENGTHS"]

_CODE: Final = frozenset(
    "code function functions method class module file files test tests bug endpoint api page "
    "component button script build repo repository database query table schema parser server "
    "client app frontend backend library package import dependency variable type types error "
    "exception crash ui css form route migration pipeline config configuration refactor implement "
    "debug compile lint deploy".split()
)
_CHANGES: Final = WORK - frozenset(
    "analyse analyze compare describe explain find investigate list plan research review "
    "summarise summarize draft compose".split()
)

_DOUBT: Final = frozenset("maybe perhaps possibly probably ideally hopefully somehow".split())


def _about_code(draft: Draft) -> bool:
    return bool(draft.blocks or draft.names) or not _CODE.isdisjoint(draft.places)


def _changes(draft: Draft) -> bool:
    return any(draft.words[ask.word].text in _CHANGES for ask in draft.asks)


def _changes_code(draft: Draft) -> bool:
    return _about_code(draft) and _changes(draft)


class Target(Strength):
    """Names the file, symbol or address that it is about."""

    name = "target"
    habit = "name a file or a symbol"
    level = "medium"
    absence = "No file, function or address is named, so the model has to search, or guess."
    suggestion = "Name it: “in `app/login.py`, function `check_password`”."

    def helps(self, draft: Draft) -> bool:
        return bool(draft.asks) and _about_code(draft)

    def present(self, draft: Draft) -> bool:
        return bool(draft.names)


class Acceptance(Strength):
    """Says how to know that the work is done."""

    name = "acceptance"
    habit = "say when the work is done"
    level = "medium"
    absence = "Nothing says when the work is done."
    suggestion = (
        "Add one sentence: “Done when `pytest tests/login` passes and no other test changes.”"
    )
    _phrases = Phrases(
        "done when|so that|should|must|until|expected|expect|passes|pass|returns|make sure|"
        "ensure|such that|acceptance criteria|success means|succeeds when|it works when|"
        "at most|at least|no more than|exactly|the result is|the output is|verify that|"
        "finished when|complete when|in under|within"
    )

    def helps(self, draft: Draft) -> bool:
        return _changes(draft)

    def present(self, draft: Draft) -> bool:
        return any(not _doubted(draft, hit) for hit in self._phrases.find(draft))


def _doubted(draft: Draft, hit: Hit) -> bool:
    """Whether a word of doubt is next to it: `should probably work` is no criterion."""
    adjacent = (
        *draft.words[max(0, hit.first - 1) : hit.first],
        *draft.words[hit.last : hit.last + 1],
    )
    return any(word.text in _DOUBT for word in adjacent)


class Example(Strength):
    """Shows what is meant."""

    name = "example"
    habit = "give an example"
    level = "low"
    absence = "There is no example of what you want."
    suggestion = "Show one input with the output that you want, or a piece of code to follow."
    _phrases = Phrases(
        "for example|for instance|e g|example|examples|such as|like this|similar to|"
        "in the style of|following the pattern of|same way as|modelled on|looks like"
    )
    _makes = frozenset(
        "write generate create format convert extract implement design build draft compose "
        "translate add".split()
    )

    def helps(self, draft: Draft) -> bool:
        return any(draft.words[ask.word].text in self._makes for ask in draft.asks)

    def present(self, draft: Draft) -> bool:
        quoted = any(draft.text[start] != "`" for start, _ in draft.quotations)
        return quoted or bool(draft.blocks) or self._phrases.within(draft)


class Scope(Strength):
    """Says what to leave alone."""

    name = "scope"
    habit = "set a scope"
    level = "low"
    absence = "Nothing says what must stay as it is."
    suggestion = "Draw the line: “change only `src/export/`; leave the public API alone”."
    _phrases = Phrases(
        "only|don't|do not|leave|nothing else|without changing|without touching|limit|limited to|"
        "except|out of scope|in scope|keep|no other|stay within|stick to|just the|apart from|"
        "not touch|unchanged|as it is|as they are"
    )

    def helps(self, draft: Draft) -> bool:
        return _changes_code(draft)

    def present(self, draft: Draft) -> bool:
        return self._phrases.within(draft)


class Check(Strength):
    """Says how the model can check its own work."""

    name = "check"
    habit = "say how to check the result"
    level = "low"
    absence = "The model is not told how to check its own work."
    suggestion = "Name the command: “run `make test` and fix what fails before you stop”."
    _phrases = Phrases(
        "run|verify|check|confirm|pytest|npm test|make test|cargo test|go test|compile|"
        "test it|screenshot|reproduce|validate|passes|tests pass"
    )

    def helps(self, draft: Draft) -> bool:
        return _changes_code(draft)

    def present(self, draft: Draft) -> bool:
        return self._phrases.within(draft)


class Reason(Strength):
    """Says what it is for."""

    name = "reason"
    habit = "say what it is for"
    level = "low"
    absence = "Nothing says what it is for."
    suggestion = "Add the reason, so that the model can decide what you left open: “because …”."
    _phrases = Phrases(
        "because|so that|since|in order to|the goal|my goal|the reason|the purpose|"
        "as we need|as i need|we need this|i need this|used by|used for|it is for|this is for|"
        "for the|to avoid|to prevent|to allow|to support|to make sure|due to|context"
    )

    def helps(self, draft: Draft) -> bool:
        return bool(draft.asks)

    def present(self, draft: Draft) -> bool:
        return self._phrases.within(draft)


class QuotedError(Strength):
    """Quotes the message of an error."""

    name = "quoted-error"
    habit = "quote the error"
    level = "medium"
    absence = "The error's message is missing."
    suggestion = "Paste the message as it is."
    _quote = re.compile(r"\b\w{1,60}(?:Error|Exception): |Traceback \(most recent call last\)")

    def helps(self, draft: Draft) -> bool:
        # Its absence is the finding `error-not-quoted`, which points at the words.
        return False

    def present(self, draft: Draft) -> bool:
        return bool(self._quote.search(draft.text))


class Steps(Strength):
    """Is written as a list."""

    name = "steps"
    habit = "list what they want"
    level = "low"
    absence = "Several asks stand in running text."
    suggestion = "Number them."
    languages = None

    def helps(self, draft: Draft) -> bool:
        # Its absence is the finding `many-asks`, which points at the words.
        return False

    def present(self, draft: Draft) -> bool:
        return sum(1 for sentence in draft.sentences if sentence.listed) > 1


STRENGTHS: Final[tuple[Strength, ...]] = (
    Target(),
    Acceptance(),
    Example(),
    Scope(),
    Check(),
    Reason(),
    QuotedError(),
    Steps(),
)
