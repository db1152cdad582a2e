"""The tables of sums over many traces: by pattern and day, by pattern, by session."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

__all__ = ["SessionRow", "VariantDayRow", "VariantDurationRow", "VariantTotalRow"]


class _RunsOfAVariant(SQLModel):
    """What some traces of one variant come to."""

    variant_id: str = Field(primary_key=True)
    traces: int
    running: int
    incomplete: int
    """Vanished without an outcome."""
    failed: int
    failed_by_outcome: int
    spans: int
    llm_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float
    missed_tokens: int
    lost_usd: float
    missed_runs: int
    """Runs that missed a cache."""
    dead_ends: int
    """Runs that came to a dead end (clustertrace.understanding.endings)."""
    duration_ns: float
    """Not an integer: a hundred runs that claim to have begun in 1970 have no sum in 64 bits."""


class VariantDayRow(_RunsOfAVariant, table=True):
    """Roll-up: all traces of one variant that began on one UTC day."""

    __tablename__ = "variant_days"
    # Not without row ids, as SQLite 3.40 then takes columns between those of the key for null.
    __table_args__ = (Index("variant_days_day", "day"),)

    day: int = Field(primary_key=True)


class VariantTotalRow(_RunsOfAVariant, table=True):
    """Roll-up: all traces of one variant, so that nothing has to add up its days."""

    __tablename__ = "variant_totals"
    __table_args__ = (
        # All that the list of families adds up, so that it reads no row of the table.
        Index(
            "variant_totals_family",
            *("family_id", "variant_id", "traces", "running", "incomplete", "failed"),
            *("failed_by_outcome", "cost_usd", "unpriced_calls", "last_day"),
        ),
    )

    last_day: int | None = None
    """The latest that one of them began on, UTC."""
    family_id: str | None = None
    """As `variants` has it."""


class VariantDurationRow(SQLModel, table=True):
    """Roll-up: how long finished traces took, in buckets of clustertrace.summary."""

    __tablename__ = "variant_durations"
    __table_args__ = ({"sqlite_with_rowid": False},)

    variant_id: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    bucket: int = Field(primary_key=True)
    traces: int


class SessionRow(SQLModel, table=True):
    """Roll-up: the traces of one conversation."""

    __tablename__ = "sessions"
    __table_args__ = (Index("sessions_last", "last_ns"),)

    session_id: str = Field(primary_key=True)
    traces: int
    failed: int
    cost_usd: float
    first_ns: int | None
    """When its first run began."""
    last_ns: int | None
    """And its last."""
