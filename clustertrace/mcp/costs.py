"""The tool that says where the money went."""

from __future__ import annotations

import time
from typing import Annotated, Final

from pydantic import Field

from clustertrace.filters import parse
from clustertrace.mcp.answers import Answer
from clustertrace.mcp.bounds import Cursor, Limit, cursor_at, cut, start_of
from clustertrace.opening import reading
from clustertrace.store import queries
from clustertrace.store.queries.costing import By, first_day
from clustertrace.telling.spending import BREAK_REASONS, spending_document, spending_sentence

__all__ = ["Costs"]

_DEAREST_LIMIT: Final = 3
_NAME_LIMIT: Final = 500


class Money(Answer):
    """Sums over model calls."""

    cost_usd: float
    calls: int
    unpriced_calls: int
    """Calls without a known price, which `cost_usd` leaves out."""
    input_tokens: int
    """Including cached ones."""
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cache_hit_rate: float
    carried_usd: float
    """The part of the cost for context that earlier calls had read or written."""
    missed_tokens: int
    """Tokens that had been in the cache and were paid for again."""
    lost_usd: float
    """What that cost beyond reading them from the cache."""


class Share(Money):
    """The sums of one group."""

    name: str


class Miss(Answer):
    """A reason why caches were missed, and what that cost."""

    reason: str
    misses: int
    missed_tokens: int
    lost_usd: float


class Bill(Answer):
    """Where the money went."""

    sentence: str
    by: str
    rows: list[Share]
    """Most expensive first; days newest first."""
    names: int
    """Rows on all pages."""
    total: Money
    breaks: list[Miss]
    dearest_trace_ids: list[str]
    next_cursor: str | None


class Costs:
    """Reads the database `db` (None: the usual one)."""

    def __init__(self, db: str | None) -> None:
        self._db = db

    def cost(
        self,
        by: Annotated[By, Field(description="What to group by.")] = "project",
        days: Annotated[
            int | None,
            Field(ge=1, le=36_500, description="Only the last N days (UTC), today included."),
        ] = None,
        limit: Limit = 20,
        cursor: Cursor = None,
    ) -> Bill:
        """Say where the money went, with what caches saved and what missing them lost."""
        start = start_of(cursor, "cost", by, days)
        since = first_day(days, time.time_ns())
        where = None if days is None else parse(f"since:{days}d")
        with reading(self._db) as store, store.read() as conn:
            page = queries.spending(conn, by, since_day=since, limit=limit, offset=start)
            dearest = queries.traces(conn, where, order="cost_usd", limit=_DEAREST_LIMIT).rows
        document = spending_document(by, page)
        for row in document["rows"]:
            row["name"] = cut(row["name"], _NAME_LIMIT)
        for cache_break in document["breaks"]:
            cache_break["reason"] = BREAK_REASONS.get(cache_break["reason"], cache_break["reason"])
        next_offset = start + limit
        next_cursor = cursor_at(next_offset, "cost", by, days) if next_offset < page.names else None
        return Bill.model_validate(
            document
            | {
                "sentence": spending_sentence(page.total),
                "dearest_trace_ids": [row.trace_id for row in dearest if row.cost_usd],
                "next_cursor": next_cursor,
            }
        )
