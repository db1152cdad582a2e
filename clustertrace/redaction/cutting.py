"""Cuts the secrets out of a text that may hold some.

The scan tells where it may, and each pattern is tried only where it could begin because of that:
reading a whole text with each of forty patterns takes two thousand nanoseconds a character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from clustertrace.redaction import names
from clustertrace.redaction.forms import FORMS, Late, late
from clustertrace.redaction.marks import MARK, SHORTENED, mark
from clustertrace.redaction.scan import places
from clustertrace.redaction.starts import (
    Starts,
    around,
    at_name,
    at_pass,
    at_quote,
    at_user,
    at_word,
)

__all__ = ["STEPS", "cut_secrets"]

_BY_NAME: Final = mark("by its name")


def cut_secrets(text: str, found: Mapping[str, Sequence[int]]) -> tuple[str, int]:
    """The text without its secrets, and how many were cut; `found` are its places."""
    cut = 0
    known: dict[tuple[Sequence[str], Starts], Sequence[int]] = {}
    for step in STEPS:
        where = step.kinds, step.starts
        if where not in known:
            known[where] = _begins(text, found, *where)
        text, times = step.cut(text, known[where])
        if times:
            cut, found, known = cut + times, places(text), {}
    return text, cut


def _begins(
    text: str, found: Mapping[str, Sequence[int]], kinds: Sequence[str], starts: Starts
) -> Sequence[int]:
    """Where a pattern may begin, in order."""
    at = {at for kind in kinds for place in found.get(kind, ()) for at in starts(text, place)}
    return sorted(at)


class Step(NamedTuple):
    """One pattern of secrets."""

    pattern: Late
    kinds: Sequence[str]
    """The kinds of places (`scan.places`) by which it is tried."""
    starts: Starts
    replace: Callable[[re.Match[str]], tuple[str, int]]
    """What comes in the place of a match, and how many secrets are cut by that."""

    def cut(self, text: str, begins: Sequence[int]) -> tuple[str, int]:
        """As `re.Pattern.subn`, where the pattern can begin at these places only."""
        if not begins:
            return text, 0
        pattern, pieces = self.pattern(), list[str]()
        copied = done = cut = 0
        for begin in begins:
            match = pattern.match(text, begin) if begin >= done else None
            if match is None:
                continue
            done = match.end()
            left, times = self.replace(match)
            if times:
                pieces += (text[copied:begin], left)
                copied, cut = done, cut + times
        return ("".join((*pieces, text[copied:])), cut) if cut else (text, 0)


def _formed(what: str, pattern: str) -> Step:
    """A secret that shows by its form goes as a whole."""
    return Step(late(pattern), ("form",), around(10, 3), lambda match: (mark(what), 1))


def _named(pattern: Late, starts: Starts, *kinds: str) -> Step:
    """Of a secret behind a name the head stays."""
    return Step(pattern, kinds, starts, lambda match: (match["head"] + _BY_NAME, 1))


def _quoted(match: re.Match[str]) -> tuple[str, int]:
    value = match["value"]
    if value is not None and _is_spent(value):
        return match[0], 0
    quote = match["open"] or match["quote"]
    return f"{match['head']}{quote}{_BY_NAME}{quote}", 1


def _listed(match: re.Match[str]) -> tuple[str, int]:
    """Each item of a list is cut by itself."""
    quote, cut = match["quote"], 0

    def item(match: re.Match[str]) -> str:
        nonlocal cut
        value = match["text"] or match["other"] or match["bare"]
        if value is None or _is_spent(value):
            return match[0]
        cut += 1
        return f"{quote}{_BY_NAME}{quote}"

    pattern = names.item(re.escape(match["slashes"]), re.escape(quote))
    items = re.sub(pattern, item, match["items"], flags=re.IGNORECASE)
    return match["head"] + items, cut


def _is_spent(value: str) -> bool:
    """Whether nothing of a secret is left: the mark stands there, or what length left of it."""
    head, shortened, _ = value.partition("…")
    return value.startswith(MARK) or (
        bool(shortened)
        and MARK.startswith(head)
        and SHORTENED.fullmatch(value, len(head)) is not None
    )


STEPS: Final = (
    *(_formed(what, pattern) for what, pattern in FORMS),
    Step(names.ITEMS, ("set",), at_quote, _listed),
    Step(names.QUOTED, ("set", "listed"), at_quote, _quoted),
    _named(names.CODE, at_word, "set"),
    _named(names.COOKIES, at_word, "set"),
    _named(names.ASSIGNED, at_word, "set"),
    _named(names.URL, around(32), "address"),
    _named(names.SIGNED, around(1), "address"),
    _named(names.BEARER, around(), "bearer"),
    _named(names.FLAG, around(1), "flag"),
    _named(names.TAGGED, at_name(64), "tagged"),
    _named(names.PAIRED, at_name(128), "listed"),
    _named(names.LISTED, at_name(128), "beside"),
    _named(names.SAID, at_word, "said", "aside"),
    _named(names.BESIDE, at_pass, "set"),
    _named(names.BESIDE_SET, at_pass, "set"),
    _named(names.CURL, around(), "curl"),
    _named(names.BLOCK, at_word, "set"),
    _named(names.HELD, at_quote, "set"),
    _named(names.DASH_P, around(6), "dash p"),
    _named(names.SQL, at_user, "sql"),
    _named(names.ENCODED, at_word, "encoded"),
)
"""What is cut, in this order."""
