"""Full-text search over spans: words, "phrases", prefix*, OR, NOT, NEAR."""

from __future__ import annotations

from typing import Final

from clustertrace.store import text_index
from clustertrace.store.answers import Hit, HitPage
from clustertrace.store.connection import Connection
from clustertrace.store.search_words import match_expression

__all__ = ["search"]

_SNIPPET_WORDS: Final = 24


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
