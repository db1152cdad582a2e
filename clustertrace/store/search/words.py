"""What a person types into a search box, as an expression that a text index accepts."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

__all__ = ["Expression", "match_expression"]

_TOKEN: Final = re.compile(r'NEAR\s*\([^()]*\)|"[^"]*"?|[()]|[^\s()]+(?:\([^\s()]*\)[^\s()]*)*')
"""A word may hold a pair of parentheses, such as `f(x)`; one that closes others stands apart."""
_NEAR_CALL: Final = re.compile(r"NEAR\s*\(([^()]*?)(?:,\s*(\d{1,4})\s*)?\)\Z")
_OPERATORS: Final = ("AND", "OR", "NOT")
_NEAR: Final = re.compile(r"NEAR(?:/(\d{1,4}))?\Z")
_WORDS: Final = re.compile(r"\w")


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
    """
    parts: list[str] = []
    depth = 0
    near = ""
    query = query.replace("\0", " ").encode("utf-8", "replace").decode()
    for token in _TOKEN.findall(query):
        after_operand = bool(parts) and parts[-1] not in ("(", *_OPERATORS)
        far, near = near, ""
        if token == "(":
            parts += ["AND", "("] if after_operand else ["("]
            depth += 1
        elif token == ")":
            if depth and after_operand:
                parts.append(")")
                depth -= 1
        elif token in _OPERATORS and after_operand:
            parts.append(token)
        elif after_operand and (close := _NEAR.match(token)):
            near = (close.group(1) or "10") if parts[-1].startswith('"') else ""
        elif operand := _near_call(token) or _quoted(token):
            if far and operand.startswith('"'):
                parts[-1] = f"NEAR({parts[-1]} {operand}, {far})"
            else:
                parts += ["AND", operand] if after_operand else [operand]
    while parts and parts[-1] in ("(", *_OPERATORS):
        depth -= parts.pop() == "("
    return Expression(" ".join([*parts, *[")"] * depth]))


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
