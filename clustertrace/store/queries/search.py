"""Full-text search over spans: words, "phrases", prefix*, OR, NOT, NEAR."""

from __future__ import annotations

import re
from typing import Final

from clustertrace.store import text_index
from clustertrace.store.answers import Hit, HitPage
from clustertrace.store.connection import Connection

__all__ = ["match_expression", "search"]

_SNIPPET_WORDS: Final = 24
_TOKEN: Final = re.compile(r'"[^"]*"?|[()]|\S+')
_NEAR: Final = re.compile(r"NEAR(/\d+)?\Z")
_WORDS: Final = re.compile(r"\w")


def search(conn: Connection, query: str, *, limit: int = 20, offset: int = 0) -> HitPage:
    """Spans that match, newest first; a query without a single word finds nothing."""
    behind = text_index.behind(conn)
    expression = match_expression(query)
    if not expression:
        return HitPage((), False, behind)
    snippets = ", ".join(
        f"snippet(span_index, {at}, char(2), char(3), '…', {_SNIPPET_WORDS})"
        for at in range(len(text_index.FIELDS))
    )
    rows = conn.rows(
        f"SELECT spans.trace_id, span_id, traces.name, spans.name, kind, spans.status = 'error', "
        f"spans.start_ns, {snippets} FROM span_index "
        "JOIN spans ON spans.seq = span_index.rowid "
        "LEFT JOIN traces ON traces.trace_id = spans.trace_id "
        "WHERE span_index MATCH ? ORDER BY span_index.rowid DESC LIMIT ? OFFSET ?",
        (expression, limit + 1, offset),
    )
    hits = []
    for row in rows[:limit]:
        field, snippet = _matched(row[7:])
        hits.append(
            Hit(
                trace_id=row[0].hex(),
                span_id=row[1].hex(),
                trace_name=row[2] or row[3],
                span_name=row[3],
                kind=row[4],
                failed=bool(row[5]),
                start_ns=row[6],
                field=field,
                snippet=snippet,
            )
        )
    return HitPage(tuple(hits), len(rows) > limit, behind)


def _matched(snippets: tuple[str | None, ...]) -> tuple[str, str]:
    """The field whose snippet has the most marked words, the first of equals."""
    best = max(range(len(snippets)), key=lambda at: ((snippets[at] or "").count("\x02"), -at))
    return text_index.FIELDS[best], snippets[best] or ""


def match_expression(query: str) -> str:
    """An FTS5 expression for what a person typed; empty if it has no word.

    Everything but the operators is quoted, so that no punctuation can break it. Operators that
    stand where they make no sense, and unbalanced parentheses, count as words or are left out.
    """
    parts: list[str] = []
    depth = 0
    for token in _TOKEN.findall(query.replace("\0", " ")):
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
    return _closed(parts, depth)


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
