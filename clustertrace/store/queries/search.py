"""Full-text search over spans: words, "phrases", prefix*, OR, NOT, NEAR."""

from __future__ import annotations

from typing import Final

from clustertrace.store import text_index
from clustertrace.store.answers import Facets, Hit, HitPage
from clustertrace.store.connection import Connection
from clustertrace.store.search_words import match_expression

__all__ = ["facets", "search"]

_LOOKED_AT: Final = 1_000

_SNIPPET_WORDS: Final = 24


def search(
    conn: Connection,
    query: str,
    *,
    kind: str | None = None,
    failed: bool | None = None,
    limit: int = 20,
    offset: int = 0,
) -> HitPage:
    """Spans that match, newest first; a query without a single word finds nothing.

    `kind` and `failed` narrow what was found.
    """
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
        "WHERE span_index MATCH :expression "
        "AND (:kind IS NULL OR kind = :kind) "
        "AND (:failed IS NULL OR (spans.status = 'error') = :failed) "
        "ORDER BY span_index.rowid DESC LIMIT :limit OFFSET :offset",
        {
            "expression": expression,
            "kind": kind,
            "failed": failed,
            "limit": limit + 1,
            "offset": offset,
        },
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


def facets(conn: Connection, query: str) -> Facets:
    """Kinds and failures among the newest spans that match, at most a thousand."""
    expression = match_expression(query)
    if not expression:
        return Facets({}, 0, 0, False)
    rows = conn.rows(
        "SELECT kind, status = 'error', count(*) FROM (SELECT rowid FROM span_index"
        " WHERE span_index MATCH ? ORDER BY rowid DESC LIMIT ?) AS found"
        " JOIN spans ON spans.seq = found.rowid GROUP BY 1, 2",
        (expression, _LOOKED_AT + 1),
    )
    kinds: dict[str, int] = {}
    for kind, _, number in rows:
        kinds[kind] = kinds.get(kind, 0) + number
    total = sum(kinds.values())
    broke = sum(number for _, failed, number in rows if failed)
    by_number = sorted(kinds.items(), key=lambda one: (-one[1], one[0]))
    return Facets(dict(by_number), broke, total, total > _LOOKED_AT)


def _matched(snippets: tuple[str | None, ...]) -> tuple[str, str]:
    """The field whose snippet has the most marked words, the first of equals."""
    best = max(range(len(snippets)), key=lambda at: ((snippets[at] or "").count("\x02"), -at))
    return text_index.FIELDS[best], snippets[best] or ""
