"""The tables, once, for SQLite now and PostgreSQL later.

Keys are natural and start with `trace_id`, so that the same tables can be distributed by it.
Ids are binary here and hex outside. Times are nanoseconds since the epoch. Aggregates are sums
and counts only, so that they merge. A test compares the migrations with these definitions.

SQLModel only describes them; the write path and the queries send SQL to the driver (writing through
the ORM is 25 times slower, and importing it takes half a second, too long for a command).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

# These belong to the same metadata, which knows a table once its module is loaded.
from clustertrace.store.schema import (  # noqa: F401
    progress,
    prompts,
    rollups,
    spending,
    user_entries,
)

__all__ = [
    "METADATA",
    "FamilyRow",
    "LogRow",
    "MetricRow",
    "NewsRow",
    "SpanRow",
    "TagRow",
    "TraceRow",
    "TraceTraitsRow",
    "TraitNameRow",
    "UnjoinedSpanRow",
    "VariantRow",
]

METADATA: Final = SQLModel.metadata
"""Every table, those of the other modules of this folder included."""


class SpanRow(SQLModel, table=True):
    """One step of a run. Payloads stand last: a reader of the slim columns never touches them."""

    __tablename__ = "spans"
    __table_args__ = (
        Index("spans_seq", "seq", unique=True),
        Index("spans_origin", "origin", sqlite_where=text("origin IS NOT NULL")),
        Index(
            "spans_calls",
            # By four seconds first: calls that come together then stand together.
            *("scope", text("(start_ns / 4000000000)"), "input_tokens", "start_ns"),
            sqlite_where=text("scope IS NOT NULL"),
        ),
        Index(
            "spans_root_calls",
            *("scope", text("(start_ns / 4000000000)"), "input_tokens", "start_ns"),
            sqlite_where=text("scope IS NOT NULL AND parent_span_id IS NULL"),
        ),
        Index(
            "spans_responses",
            *(text("(start_ns / 4000000000)"), "response_id"),
            sqlite_where=text("response_id IS NOT NULL"),
        ),
        Index(
            "spans_failed_calls",
            *("scope", "start_ns"),
            sqlite_where=text("scope IS NOT NULL AND status = 'error'"),
        ),
        Index(
            "spans_models",
            # By start, so that new entries of a model stand together, at its end.
            *(text("model COLLATE NOCASE"), "start_ns", "trace_id"),
            sqlite_where=text("kind = 'llm' AND model IS NOT NULL"),
        ),
    )

    trace_id: bytes = Field(primary_key=True)
    span_id: bytes = Field(primary_key=True)
    seq: int
    """Grows with every insert or change; the text index remembers how far it has read."""
    ordinal: int
    parent_span_id: bytes | None
    name: str
    kind: str
    status: str
    start_ns: int
    end_ns: int | None
    error_type: str | None
    error_message: str | None
    model: str | None
    provider: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    finish_reason: str | None
    origin: str | None
    """While it runs: the spool segment of its process, whose end is the span's end too."""
    scope: str | None
    """Of a model call: the instrumentation that reports it; empty for this program's recorder."""
    response_id: str | None
    """Of a model call: the id of the response, where it is known."""
    internal: int | None
    """1: an instrumentation's inner life, no step of the run."""
    input: str | None
    """JSON, as are output, attributes and extra."""
    output: str | None
    attributes: str | None
    extra: str | None


class TraceRow(SQLModel, table=True):
    """One run: what was told about it, and what settling derived from its spans.

    There is a row once something was told, or it has been settled."""

    __tablename__ = "traces"
    __table_args__ = (
        Index("traces_traits_due", "traits_due", sqlite_where=text("traits_due IS NOT NULL")),
        # With the numbers that have no index of their own: a list is told by them who is not on it.
        Index(
            "traces_start",
            *("start_ns", "trace_id", "llm_calls", "error_count", "input_tokens", "output_tokens"),
            *("missed_tokens", "lost_usd"),
        ),
        Index("traces_failed", "failed", "start_ns", "trace_id"),
        Index("traces_variant", "variant_id", "failed", "start_ns", "trace_id"),
        Index("traces_variant_start", "variant_id", "start_ns", "trace_id"),
        Index("traces_status", "status", "start_ns", "trace_id"),
        Index(
            "traces_outcome",
            *("outcome", "start_ns", "trace_id"),
            sqlite_where=text("outcome IS NOT NULL"),
        ),
        # The orders in which lists are offered.
        # With all that a verdict counts.
        Index(
            "traces_name",
            *(text("name COLLATE NOCASE"), "start_ns", "trace_id", "failed", "variant_id"),
        ),
        Index("traces_duration", "duration_ns", "trace_id"),
        Index("traces_cost", "cost_usd", "trace_id"),
        Index("traces_tokens", "input_tokens", "trace_id"),
        Index("traces_spans", "span_count", "trace_id"),
        # What a week's first and last hours came to, and its dearest runs.
        Index(
            "traces_parts",
            *("half_day", "variant_id", "start_ns", "session_id", "status", "failed", "dead_end"),
            *("unpriced_calls", "input_tokens", "cache_read_tokens", "missed_tokens"),
            *("cost_usd", "lost_usd"),
        ),
        Index(
            "traces_lone_cost",
            *("half_day", "cost_usd", "start_ns", "trace_id"),
            sqlite_where=text("session_id IS NULL"),
        ),
        Index(
            "traces_dead_end",
            *("dead_end", "start_ns", "trace_id"),
            sqlite_where=text("dead_end IS NOT NULL"),
        ),
        Index("traces_starred", "start_ns", "trace_id", sqlite_where=text("starred IS NOT NULL")),
        Index("traces_error", "start_ns", "trace_id", sqlite_where=text("error IS NOT NULL")),
        Index("traces_note", "start_ns", "trace_id", sqlite_where=text("note IS NOT NULL")),
        Index("traces_prompt_due", "prompt_due", sqlite_where=text("prompt_due IS NOT NULL")),
        Index(
            "traces_session", "session_id", "start_ns", sqlite_where=text("session_id IS NOT NULL")
        ),
    )

    trace_id: bytes = Field(primary_key=True)
    traits_due: int | None
    """1: it has ended, and its traits are to be worked out."""
    prompt_due: int | None
    """1: it no longer runs, and its prompt is to be looked at."""
    # Told, by the recorder, an import or the user.
    told_name: str | None
    told_status: str | None
    told_start_ns: int | None
    told_end_ns: int | None
    told_outcome: str | None
    told_reason: str | None
    session_id: str | None
    extra: str | None
    # Given by hand afterwards (clustertrace.store.user_entries.annotations).
    given_outcome: str | None
    """`pass`, `fail` or `unknown`; it wins over what was told."""
    given_reason: str | None
    starred: int | None
    """1, or null."""
    note: str | None
    # Derived (clustertrace.summary); null until it is settled for the first time.
    name: str | None
    status: str | None
    outcome: str | None
    outcome_reason: str | None
    failed: int | None
    start_ns: int | None
    half_day: int | None
    """Of its start, counted from 1970: by these, parts of days are read (queries.periods)."""
    end_ns: int | None
    duration_ns: int | None
    root_span_id: bytes | None
    span_count: int | None
    error_count: int | None
    llm_calls: int | None
    unpriced_calls: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    missed_tokens: int | None
    """What had been in a cache and was paid for again (clustertrace.understanding.spending)."""
    lost_usd: float | None
    """And what that cost."""
    error: str | None
    dead_end: str | None
    """How it ended without success: one of the words of clustertrace.understanding.endings."""
    first_prompt: str | None
    prompt_span_id: bytes | None
    variant_id: str | None
    rolled_session_id: str | None
    """The session that the roll-ups hold it in, so that it can be taken out again."""


class NewsRow(SQLModel, table=True):
    """A run that has news, and when to settle it."""

    __tablename__ = "news"
    __table_args__ = (Index("news_due", "due_ns"), {"sqlite_with_rowid": False})

    trace_id: bytes = Field(primary_key=True)
    due_ns: int


class TagRow(SQLModel, table=True):
    """A key and a value that the user, or the way in, put on a run."""

    __tablename__ = "trace_tags"
    __table_args__ = (Index("trace_tags_value", "key", text("value COLLATE NOCASE"), "trace_id"),)

    trace_id: bytes = Field(primary_key=True)
    key: str = Field(primary_key=True)
    value: str
    by_hand: int
    """1: the user put it on afterwards, and no span that comes late changes it."""


class MetricRow(SQLModel, table=True):
    """A number that the user attached to a run or to one of its spans."""

    __tablename__ = "trace_metrics"
    __table_args__ = (Index("trace_metrics_name", "name", "time_ns"),)

    trace_id: bytes = Field(primary_key=True)
    name: str = Field(primary_key=True)
    time_ns: int = Field(primary_key=True)
    span_id: bytes = Field(primary_key=True)
    """Empty: it belongs to the run."""
    value: float = Field(primary_key=True)


class LogRow(SQLModel, table=True):
    """A record that says something about a run; settling puts it where it belongs."""

    __tablename__ = "logs"
    __table_args__ = (
        Index("logs_turn", "turn", sqlite_where=text("turn IS NOT NULL")),
        Index("logs_session", "session_id", sqlite_where=text("session_id IS NOT NULL")),
    )

    trace_id: bytes = Field(primary_key=True)
    log_id: bytes = Field(primary_key=True)
    """When it is looked at, and a digest, so that a record which comes twice is kept once."""
    ordinal: int
    """Its place among those that it came with, for records of the same time."""
    turn: bytes | None
    """Joins records of which only some name their trace."""
    session_id: str | None
    """Of a record that names no trace."""
    span_id: bytes | None
    time_ns: int
    name: str
    scope: str
    body: str | None
    """JSON, as are the attributes."""
    attributes: str | None


class UnjoinedSpanRow(SQLModel, table=True):
    """A span as it came, where records have changed its row; none for one made of records."""

    __tablename__ = "unjoined_spans"

    trace_id: bytes = Field(primary_key=True)
    span_id: bytes = Field(primary_key=True)
    record: str | None
    """Native JSON."""


class VariantRow(SQLModel, table=True):
    """What a variant's id stands for."""

    __tablename__ = "variants"
    __table_args__ = (Index("variants_family", "family_id"),)

    variant_id: str = Field(primary_key=True)
    version: int
    name: str
    steps: str
    """JSON: a list of [names, failed, kinds, count]."""
    family_id: str | None
    """Null until a run of it has ended: a running one passes through variants on its way."""


class FamilyRow(SQLModel, table=True):
    """A family, with the steps of the variant that leads it, whatever becomes of that one."""

    __tablename__ = "families"
    __table_args__ = (Index("families_name", "name", "version", "place"),)

    family_id: str = Field(primary_key=True)
    version: int
    place: int
    """Grows with the families of a name: a lower one is older."""
    name: str
    steps: str
    """JSON, as in `variants`."""


class TraceTraitsRow(SQLModel, table=True):
    """What is true of a finished run (clustertrace.patterns.traits): rules read no span."""

    __tablename__ = "trace_traits"

    trace_id: bytes = Field(primary_key=True)
    version: int
    traits: bytes
    """Eight bytes each: keys of `trait_names`."""
    measures: bytes
    """A double each, in the order of `MEASURES`."""


class TraitNameRow(SQLModel, table=True):
    """What a trait's key, a hash of the rest, stands for."""

    __tablename__ = "trait_names"

    trait_key: int = Field(primary_key=True)
    what: str
    step: str
    other: str
    number: float
