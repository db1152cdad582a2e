"""The tables of what the user enters by hand (see tables.py)."""

from __future__ import annotations

from sqlmodel import Field, SQLModel

__all__ = ["AssertionRow", "CommitmentRow", "SavedFilterRow", "VariantAnnotationRow"]


class VariantAnnotationRow(SQLModel, table=True):
    """What the user says about a pattern; it stays while no run of the pattern is there."""

    __tablename__ = "variant_annotations"

    variant_id: str = Field(primary_key=True)
    expected: int
    """1: its failures are expected."""
    priority: str | None
    note: str | None


class AssertionRow(SQLModel, table=True):
    """What the user wants to stay true of a pattern (clustertrace.gate)."""

    __tablename__ = "assertions"

    assertion_id: str = Field(primary_key=True)
    pattern: str
    kind: str
    bound: float
    last_runs: int | None
    last_ns: int | None
    created_ns: int


class CommitmentRow(SQLModel, table=True):
    """What the user means to change in a week (clustertrace.review.commitments)."""

    __tablename__ = "commitments"

    week: str = Field(primary_key=True)
    """Its first day, as `2025-11-17`."""
    change: str
    figure: str
    pattern: str
    """Empty: the figure is that of all runs."""
    mark: str | None
    value_before: float | None
    """The figure when it was marked."""
    value_after: float | None
    word: str | None
    """And what the test said."""
    created_ns: int


class SavedFilterRow(SQLModel, table=True):
    """A filter that the user gave a name."""

    __tablename__ = "saved_filters"

    name: str = Field(primary_key=True)
    filter: str
    created_ns: int
