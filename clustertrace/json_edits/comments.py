"""JSON as editors' settings have it, with comments and last commas, edited as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import takewhile
from typing import Final

__all__ = ["keeping_comments", "without_comments"]

_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*") | (?P<comment>//[^\n]* | /\*.*?\*/)
    | (?P<comma>,)(?=(?:\s|//[^\n]*\n|/\*.*?\*/)*[}\]])""",
    re.VERBOSE | re.DOTALL,
)
_VISIBLE: Final = re.compile(r"[^\r\n]")


def without_comments(text: str) -> str:
    """The same text as plain JSON: comments and last commas are blanks, all else has its place."""
    return _TOKEN.sub(
        lambda found: found[0] if found["text"] else _VISIBLE.sub(" ", found[0]), text
    )


def keeping_comments(edit: Callable[[str], str]) -> Callable[[str], str]:
    """An edit of plain JSON that changes one place, for a text with comments."""

    def edited(text: str) -> str:
        before = without_comments(text)
        after = edit(before)
        start = _common(before, after)
        end = min(_common(before[::-1], after[::-1]), min(len(before), len(after)) - start)
        return text[:start] + after[start : len(after) - end] + text[len(text) - end :]

    return edited


def _common(one: str, other: str) -> int:
    """How many characters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
