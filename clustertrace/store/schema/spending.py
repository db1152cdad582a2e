"""The tables of money: what was spent on what by day, and what each run adds to that."""

from __future__ import annotations

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

__all__ = ["SpendingRow", "TraceSpendingRow"]


class SpendingRow(SQLModel, table=True):
    """Roll-up: what model calls came to, by dimension, name and UTC day.

    clustertrace.understanding.spending says what that is.
    """

    __tablename__ = "spending"
    __table_args__ = (Index("spending_day", "dimension", "day"),)

    dimension: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    carried_tokens: int
    missed_tokens: int
    misses: int
    cost_usd: float
    cache_read_usd: float
    cache_write_usd: float
    output_usd: float
    carried_usd: float
    lost_usd: float


class TraceSpendingRow(SQLModel, table=True):
    """What the roll-up holds of a run, so that the same can be taken out again."""

    __tablename__ = "trace_spending"
    __table_args__ = (
        Index(
            "trace_spending_session",
            *("session_id", "start_ns"),
            sqlite_where=text("session_id IS NOT NULL"),
        ),
    )

    trace_id: bytes = Field(primary_key=True)
    session_id: str | None
    start_ns: int
    tail: str | None
    """JSON: what its conversation leaves to the session's next run."""
    shares: str
    """JSON: a list of [dimension, name, measures]."""
