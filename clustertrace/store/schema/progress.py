"""The tables of how far files, copies and indexes have come (see tables.py)."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

__all__ = [
    "CopyRow",
    "SpoolSegmentRow",
    "StateRow",
    "TranscriptFileRow",
    "TranscriptTurnRow",
    "TurnHostRow",
]


class SpoolSegmentRow(SQLModel, table=True):
    """How far a spool segment has been read; written in the transaction of its spans."""

    __tablename__ = "spool_segments"

    name: str = Field(primary_key=True)
    offset: int


class TranscriptFileRow(SQLModel, table=True):
    """How far a coding agent's transcript was read; written in the transaction of its spans."""

    __tablename__ = "transcript_files"

    path: str = Field(primary_key=True)
    size: int
    """Bytes that were read."""
    offset: int
    """Where its last turn begins: whatever comes next belongs to it or follows it."""
    open: int
    """1: its last turn has not ended, and may never: then nobody says so."""
    trace_id: bytes | None
    """The trace of that turn."""


class TranscriptTurnRow(SQLModel, table=True):
    """Whose a prompt is: sessions are copied when they are forked, and count once."""

    __tablename__ = "transcript_turns"
    __table_args__ = (Index("transcript_turns_trace", "trace_id"),)

    claim: str = Field(primary_key=True)
    """The id of the prompt's message, which copies keep."""
    trace_id: bytes


class TurnHostRow(SQLModel, table=True):
    """The trace that telemetry made of a turn which a transcript tells of too."""

    __tablename__ = "turn_hosts"
    __table_args__ = (Index("turn_hosts_trace", "trace_id"),)

    turn: bytes = Field(primary_key=True)
    """The trace id that the transcript's turn would have."""
    trace_id: bytes


class StateRow(SQLModel, table=True):
    """Single numbers of the database itself, such as how far the text index has read."""

    __tablename__ = "state"

    key: str = Field(primary_key=True)
    value: int


class CopyRow(SQLModel, table=True):
    """A table that came, or comes, from another database (clustertrace.store.upkeep.copying)."""

    __tablename__ = "copies"

    name: str = Field(primary_key=True)
    source: int
    """The other database's `database_id`, a number of its own."""
    upto: str | None
    """JSON: the key of the last row that came; written in the transaction of that row."""
    digest: str | None
    """Of all its rows when both had the same; null: the copy is not finished."""
