"""Spending as a JSON document and in words. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from clustertrace.telling.words import counted, share, spent
from clustertrace.understanding.spending import Measures

if TYPE_CHECKING:
    from clustertrace.store.queries.costing import SpendingPage

__all__ = ["BREAK_REASONS", "spending_document", "spending_sentence"]

BREAK_REASONS: Final = {
    "idle": "the cache was too old",
    "model": "another model was used",
    "start": "the system prompt or the tools had changed",
    "history": "earlier messages had changed",
}
"""Reasons for cache misses, by clustertrace.understanding.spending.Break.reason."""


def spending_document(by: str, page: SpendingPage | None) -> dict[str, Any]:
    """Spending by session, project and so on; US dollars, tokens, shares from 0 to 1."""
    if page is None:
        return {"by": by, "rows": [], "names": 0, "total": _record(Measures()), "breaks": []}
    return {
        "by": by,
        "rows": [{"name": row.name, **_record(row.measures)} for row in page.rows],
        "names": page.names,
        "total": _record(page.total),
        "breaks": [
            {
                "reason": row.name,
                "misses": row.measures.misses,
                "missed_tokens": row.measures.missed_tokens,
                "lost_usd": row.measures.lost_usd,
            }
            for row in page.breaks
        ],
    }


def spending_sentence(total: Measures) -> str:
    """The total in a sentence."""
    sentence = (
        f"{spent(total.cost_usd, total.unpriced_calls)} for {counted(total.calls, 'call')} "
        "of models, embeddings included"
    )
    if not total.input_tokens:
        return f"{sentence}."  # of an unknown input no share is known
    return f"{sentence}; {share(round(total.hit_rate, 3))} of the input was read from a cache."


def _record(measures: Measures) -> dict[str, Any]:
    return {
        **measures._asdict(),
        "cache_hit_rate": measures.hit_rate,
        "unpriced_share": measures.unpriced_calls / measures.calls if measures.calls else 0.0,
    }
