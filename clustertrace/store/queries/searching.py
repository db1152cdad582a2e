"""Full-text search over spans: words, "phrases", prefix*, OR, NOT, NEAR."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from clustertrace.store.answers import Facets, Hit, HitPage
from clustertrace.store.connection import Connection, placeholders
from clustertrace.store.search.index import MARK, MARK_END
from clustertrace.store.search.words import match_expression

__all__ = ["facets", "search"]

_SPANS_LOOKED_AT: Final = 1_000


def search(
    conn: Connection,
    query: str,
    *,
    kind: str | None = None,
    failed: bool | None = None,
    limit: int = 20,
    offset: int = 0,
) -> HitPage:
    """Spans that match, those that arrived last first; a query without a single word finds nothing.

    `kind` and `failed` narrow what was found.
    """
    behind = conn.texts.behind(conn)
    expression = match_expression(query)
    if not expression:
        return HitPage((), False, behind)
    seqs = conn.texts.found(
        conn, expression, kind=kind, failed=failed, limit=limit + 1, offset=offset
    )
    page = seqs[:limit]
    passages = conn.texts.passages(conn, expression, page)
    rows = conn.rows(
        "SELECT spans.seq, spans.trace_id, span_id, traces.name, spans.name, kind,"
        " spans.status = 'error', spans.start_ns FROM spans"
        " LEFT JOIN traces ON traces.trace_id = spans.trace_id"
        f" WHERE spans.seq IN ({placeholders(page)}) ORDER BY spans.seq DESC",
        page,
    )
    hits = []
    for row in rows:
        field, snippet = _best_passage(passages[row[0]])
        hits.append(
            Hit(
                trace_id=row[1].hex(),
                span_id=row[2].hex(),
                trace_name=row[3] or row[4],
                span_name=row[4],
                kind=row[5],
                failed=bool(row[6]),
                start_ns=row[7],
                field=field,
                snippet=snippet,
            )
        )
    return HitPage(tuple(hits), len(seqs) > limit, behind)


def facets(conn: Connection, query: str) -> Facets:
    """Kinds and failures among the newest spans that match, at most a thousand."""
    expression = match_expression(query)
    if not expression:
        return Facets({}, {}, 0, False)
    seqs = conn.texts.found(conn, expression, limit=_SPANS_LOOKED_AT + 1)
    rows = conn.rows(
        "SELECT kind, status = 'error', count(*) FROM spans"
        f" WHERE seq IN ({placeholders(seqs)}) GROUP BY 1, 2",
        seqs,
    )
    kinds: dict[str, int] = {}
    for kind, _, number in rows:
        kinds[kind] = kinds.get(kind, 0) + number
    total = sum(kinds.values())
    failed_kinds = {kind: number for kind, failed, number in rows if failed}
    by_number = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return Facets(dict(by_number), failed_kinds, total, total > _SPANS_LOOKED_AT)


def _best_passage(passages: Mapping[str, str]) -> tuple[str, str]:
    """The field whose passage has the most different marked words, the first of equals.

    So an error's message goes before the traceback that quotes it more than once.
    """

    def marked_words(name: str) -> int:
        parts = passages[name].split(MARK)[1:]
        return len({part.split(MARK_END)[0].casefold() for part in parts})

    field = max(passages, key=marked_words)
    # Most texts are JSON, of which a passage is only to be read.
    return field, passages[field].replace('\\"', '"')
