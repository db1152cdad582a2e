"""What a person types into a search box, as an expression that a text index accepts."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["Expression", "match_expression"]

_TOKEN: Final = re.compile(r'"[^"]*"?|[()]|\S+')
_NEAR: Final = re.compile(r"NEAR(/\d+)?\Z")
_WORDS: Final = re.compile(r"\w")


class Expression(str):
    """An expression of FTS5, SQLite's full-text index: quoted words and operators.

    Another database's driver knows by this class what it has to translate.
    """

    __slots__ = ()


def match_expression(query: str) -> Expression:
    """An expression for what a person typed; empty if it has no word.

    Everything but the operators is quoted, so that no punctuation can break it. Operators that
    stand where they make no sense, and unbalanced parentheses, count as words or are left out.
    """
    parts: list[str] = []
    depth = 0
    query = query.replace("\0", " ").encode("utf-8", "replace").decode()
    for token in _TOKEN.findall(query):
        after_operand = bool(parts) and parts[-1] not in ("(", "AND", "OR", "NOT")
        if token == "(":
            if after_operand:
                parts.append("AND")
            parts.append("(")
            depth += 1
        elif token == ")":
            if depth and after_operand:
                parts.append(")")
                depth -= 1
        elif (token in ("AND", "OR", "NOT") and after_operand) or (
            _NEAR.match(token) and after_operand
        ):
            parts.append(token)
        elif operand := _quoted(token):
            if after_operand and not _NEAR.match(parts[-1]):
                parts.append("AND")
            parts.append(operand)
    return Expression(_closed(parts, depth))


def _quoted(token: str) -> str:
    prefix = token.endswith("*") and not token.startswith('"')
    words = token.strip('"').rstrip("*") if prefix else token.strip('"')
    if not _WORDS.search(words):
        return ""
    return f'"{words.replace(chr(34), " ")}"' + ("*" if prefix else "")


def _closed(parts: list[str], depth: int) -> str:
    """Drop what dangles at the end, close what is open, and fold `a NEAR/5 b` into FTS5's form."""
    while parts and (parts[-1] in ("(", "AND", "OR", "NOT") or _NEAR.match(parts[-1])):
        if parts.pop() == "(":
            depth -= 1
    folded: list[str] = []
    rest = iter(parts)
    for part in rest:
        near = _NEAR.match(part)
        if near and folded and folded[-1].startswith('"'):
            left, right = folded.pop(), next(rest)
            folded.append(f"NEAR({left} {right}, {(near.group(1) or '/10')[1:]})")
        elif not near:
            folded.append(part)
    return " ".join([*folded, *[")"] * depth])
