"""What a person types into a search box, as an expression that a text index accepts."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from clustertrace.errors import UsageError

__all__ = ["Expression", "match_expression"]

_TOKEN: Final = re.compile(r'NEAR\s*\([^()]*\)|"[^"]*"?|[()]|[^\s()]+(?:\([^\s()]*\)[^\s()]*)*')
"""A word may hold a pair of parentheses, such as `f(x)`; one that closes others stands apart."""
_NEAR_CALL: Final = re.compile(r"NEAR\s*\(([^()]*?)(?:,\s*(\d{1,4})\s*)?\)\Z")
_OPERATORS: Final = ("AND", "OR", "NOT")
_NEAR: Final = re.compile(r"NEAR(?:/(\d{1,4}))?\Z")
_WORDS: Final = re.compile(r"\w+")
_MOST_WORDS: Final = 100
"""More repeated words would keep the index busy for minutes."""


class Expression(str):
    """An expression of FTS5, SQLite's full-text index: quoted words and operators.

    Another database's driver knows by this class what it has to translate.
    """

    __slots__ = ()


def match_expression(query: str) -> Expression:
    """An expression for what a person typed; empty if it has no word.

    Words stand near each other as `a NEAR/5 b` or as `NEAR(a b, 5)`.

    Everything but the operators is quoted, so that no punctuation can break it. Operators that
    stand where they make no sense, and unbalanced parentheses, count as words or are left out.
    Raises UsageError where there are too many words.
    """
    if len(_WORDS.findall(query)) > _MOST_WORDS:
        raise UsageError(f"More than {_MOST_WORDS} words are too many to search for; take fewer.")
    reader = _Reader()
    for token in _TOKEN.findall(query.replace("\0", " ").encode("utf-8", "replace").decode()):
        reader.read(token)
    return reader.expression()


class _Reader:
    """What was read so far, and what may follow it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._depth = 0
        """Parentheses that are open."""
        self._near = ""
        """How near the next word is to the last one; empty if that is not said."""

    def read(self, token: str) -> None:
        near, self._near = self._near, ""
        if token == "(":
            self._add_operand("(")
            self._depth += 1
        elif token == ")":
            if self._depth and self._is_after_operand:
                self._parts.append(")")
                self._depth -= 1
        elif self._is_after_operand and token in _OPERATORS:
            self._parts.append(token)
        elif self._is_after_operand and (distance := _NEAR.match(token)):
            self._near = (distance.group(1) or "10") if _is_quoted(self._parts[-1]) else ""
        elif operand := _near_call(token) or _quoted(token):
            if near and _is_quoted(operand):
                self._parts[-1] = f"NEAR({self._parts[-1]} {operand}, {near})"
            else:
                self._add_operand(operand)

    def expression(self) -> Expression:
        """Everything that was read, without operators at its end, and with all closed."""
        parts, depth = list(self._parts), self._depth
        while parts and parts[-1] in ("(", *_OPERATORS):
            depth -= parts.pop() == "("
        return Expression(" ".join([*parts, *[")"] * depth]))

    @property
    def _is_after_operand(self) -> bool:
        return bool(self._parts) and self._parts[-1] not in ("(", *_OPERATORS)

    def _add_operand(self, operand: str) -> None:
        self._parts += ["AND", operand] if self._is_after_operand else [operand]


def _near_call(token: str) -> str:
    """`NEAR(a "b c", 5)`, which is FTS5's own form; empty for anything else.

    Of more than two words each is near the one before it.
    """
    call = _NEAR_CALL.match(token)
    words = list(filter(None, map(_quoted, _TOKEN.findall(call.group(1))))) if call else []
    if not call or len(words) < 2:
        return words[0] if words else ""
    far = call.group(2) or "10"
    pairs = [f"NEAR({one} {other}, {far})" for one, other in pairwise(words)]
    return pairs[0] if len(pairs) == 1 else f"({' AND '.join(pairs)})"


def _quoted(token: str) -> str:
    prefix = token.endswith("*") and not token.startswith('"')
    words = token.strip('"').rstrip("*") if prefix else token.strip('"')
    if not _WORDS.search(words):
        return ""
    return f'"{words.replace(chr(34), " ")}"' + ("*" if prefix else "")


def _is_quoted(part: str) -> bool:
    return part.startswith('"')
