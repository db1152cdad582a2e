"""The first schema: spans, traces, what was told about them, roll-ups and the text index.

Revision ID: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from clustertrace.store.migrations.making import (
    column,
    create_by_month,
    index,
    is_sqlite,
    not_null,
    null,
)

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    _spans()
    _traces()
    _news()
    _tags_and_metrics()
    _logs()
    _rollups()
    _prompts()
    _money()
    _housekeeping()
    _text_index()


def _spans() -> None:
    create_by_month(
        "spans",
        "seq",
        column("trace_id", bytes, key=True),
        column("span_id", bytes, key=True),
        column("seq", int, key=not is_sqlite()),
        *not_null("ordinal"),
        *null("parent_span_id", kind=bytes),
        *not_null("name", "kind", "status", kind=str),
        *not_null("start_ns"),
        *null("end_ns"),
        *null("error_type", "error_message", "model", "provider", kind=str),
        *null("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
        *null("reasoning_tokens"),
        *null("cost_usd", kind=float),
        *null("finish_reason", "origin", "scope", "response_id", kind=str),
        *null("internal"),
        *null("input", "output", "attributes", "extra", kind=str),
    )
    index("spans_seq", "spans", ["seq"], unique=True)
    index("spans_origin", "spans", ["origin"], where="origin IS NOT NULL")
    calls, failed = "scope IS NOT NULL", "scope IS NOT NULL AND status = 'error'"
    together = ["scope", "(start_ns / 4000000000)", "input_tokens", "start_ns"]
    index("spans_calls", "spans", together, where=calls)
    index("spans_failed_calls", "spans", ["scope", "start_ns"], where=failed)


def _traces() -> None:
    op.create_table(
        "traces",
        column("trace_id", bytes, key=True),
        *null("traits_due", "prompt_due"),
        *null("told_name", "told_status", kind=str),
        *null("told_start_ns", "told_end_ns"),
        *null("told_outcome", "told_reason", "session_id", "extra", kind=str),
        *null("given_outcome", "given_reason", kind=str),
        *null("starred"),
        *null("note", "name", "status", "outcome", "outcome_reason", kind=str),
        *null("failed", "start_ns", "half_day", "end_ns", "duration_ns"),
        *null("root_span_id", kind=bytes),
        *null("span_count", "error_count", "llm_calls", "unpriced_calls"),
        *null("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
        *null("reasoning_tokens"),
        *null("cost_usd", kind=float),
        *null("missed_tokens"),
        *null("lost_usd", kind=float),
        *null("error", "dead_end", "first_prompt", kind=str),
        *null("prompt_span_id", kind=bytes),
        *null("variant_id", kind=str),
        *null("rolled_session_id", kind=str),
    )
    index("traces_start", "traces", ["start_ns", "trace_id"])
    index("traces_failed", "traces", ["failed", "start_ns", "trace_id"])
    index("traces_variant", "traces", ["variant_id", "failed", "start_ns", "trace_id"])
    index("traces_variant_start", "traces", ["variant_id", "start_ns", "trace_id"])
    index("traces_status", "traces", ["status", "start_ns", "trace_id"])
    by_name = ["name COLLATE NOCASE", "start_ns", "trace_id", "failed", "variant_id"]
    index("traces_name", "traces", by_name)
    for name, sorted_by in (
        ("traces_duration", "duration_ns"),
        ("traces_cost", "cost_usd"),
        ("traces_tokens", "input_tokens"),
        ("traces_spans", "span_count"),
    ):
        index(name, "traces", [sorted_by, "trace_id"])
    index(
        "traces_parts",
        "traces",
        [
            *("half_day", "variant_id", "start_ns", "session_id", "status", "failed", "dead_end"),
            *("unpriced_calls", "input_tokens", "cache_read_tokens", "missed_tokens"),
            *("cost_usd", "lost_usd"),
        ],
    )
    for name, columns, where in (
        ("traces_traits_due", ["traits_due"], "traits_due IS NOT NULL"),
        ("traces_prompt_due", ["prompt_due"], "prompt_due IS NOT NULL"),
        ("traces_outcome", ["outcome", "start_ns", "trace_id"], "outcome IS NOT NULL"),
        ("traces_dead_end", ["dead_end", "start_ns", "trace_id"], "dead_end IS NOT NULL"),
        ("traces_starred", ["start_ns", "trace_id"], "starred IS NOT NULL"),
        ("traces_session", ["session_id", "start_ns"], "session_id IS NOT NULL"),
        (
            "traces_lone_cost",
            ["half_day", "cost_usd", "start_ns", "trace_id"],
            "session_id IS NULL",
        ),
    ):
        index(name, "traces", columns, where=where)


def _news() -> None:
    op.create_table(
        "news",
        column("trace_id", bytes, key=True),
        column("due_ns", int),
        sqlite_with_rowid=False,
    )
    index("news_due", "news", ["due_ns"])


def _tags_and_metrics() -> None:
    op.create_table(
        "trace_tags",
        column("trace_id", bytes, key=True),
        column("key", str, key=True),
        column("value", str),
        column("by_hand", int),
    )
    index("trace_tags_value", "trace_tags", ["key", "value COLLATE NOCASE", "trace_id"])
    op.create_table(
        "trace_metrics",
        column("trace_id", bytes, key=True),
        column("name", str, key=True),
        column("time_ns", int, key=True),
        column("span_id", bytes, key=True),
        column("value", float, key=True),
    )
    index("trace_metrics_name", "trace_metrics", ["name", "time_ns"])


def _logs() -> None:
    op.create_table(
        "logs",
        column("trace_id", bytes, key=True),
        column("log_id", bytes, key=True),
        *not_null("ordinal"),
        *null("turn", kind=bytes),
        *null("session_id", kind=str),
        *null("span_id", kind=bytes),
        *not_null("time_ns"),
        *not_null("name", "scope", kind=str),
        *null("body", "attributes", kind=str),
    )
    for name, indexed_column in (("logs_turn", "turn"), ("logs_session", "session_id")):
        index(name, "logs", [indexed_column], where=f"{indexed_column} IS NOT NULL")
    op.create_table(
        "unjoined_spans",
        column("trace_id", bytes, key=True),
        column("span_id", bytes, key=True),
        column("record", str, null=True),
    )


def _rollups() -> None:
    op.create_table(
        "variants",
        column("variant_id", str, key=True),
        column("version", int),
        *not_null("name", "steps", kind=str),
        *null("family_id", kind=str),
    )
    index("variants_family", "variants", ["family_id"])
    op.create_table(
        "variant_annotations",
        column("variant_id", str, key=True),
        column("expected", int),
        *null("priority", "note", kind=str),
    )
    op.create_table(
        "families",
        column("family_id", str, key=True),
        *not_null("version", "place"),
        *not_null("name", "steps", kind=str),
    )
    index("families_name", "families", ["name", "version", "place"])
    op.create_table(
        "trace_traits",
        column("trace_id", bytes, key=True),
        column("version", int),
        *not_null("traits", "measures", kind=bytes),
    )
    op.create_table(
        "trait_names",
        column("trait_key", int, key=True),
        *not_null("what", "step", "other", kind=str),
        column("number", float),
    )
    more: dict[str, list[sa.Column[Any]]] = {
        "variant_days": [column("day", int, key=True)],
        "variant_totals": [*null("last_day"), *null("family_id", kind=str)],
    }
    for name, columns in more.items():
        op.create_table(
            name,
            column("variant_id", str, key=True),
            *not_null("traces", "running", "incomplete", "failed", "failed_by_outcome"),
            *not_null("spans", "llm_calls", "unpriced_calls", "input_tokens", "output_tokens"),
            *not_null("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
            column("cost_usd", float),
            column("missed_tokens", int),
            column("lost_usd", float),
            *not_null("missed_runs", "dead_ends"),
            column("duration_ns", float),
            *columns,
        )
    index("variant_days_day", "variant_days", ["day"])
    index(
        "variant_totals_family",
        "variant_totals",
        [
            *("family_id", "variant_id", "traces", "running", "incomplete", "failed"),
            *("failed_by_outcome", "cost_usd", "unpriced_calls", "last_day"),
        ],
    )
    op.create_table(
        "variant_durations",
        column("variant_id", str, key=True),
        column("day", int, key=True),
        column("bucket", int, key=True),
        column("traces", int),
    )
    op.create_table(
        "sessions",
        column("session_id", str, key=True),
        *not_null("traces", "failed"),
        column("cost_usd", float),
        *null("first_ns", "last_ns"),
    )
    index("sessions_last", "sessions", ["last_ns"])


def _money() -> None:
    op.create_table(
        "spending",
        *(column(name, str, key=True) for name in ("dimension", "name")),
        column("day", int, key=True),
        *not_null("calls", "unpriced_calls", "input_tokens", "output_tokens"),
        *not_null("cache_read_tokens", "cache_write_tokens", "carried_tokens", "missed_tokens"),
        *not_null("misses"),
        *not_null("cost_usd", "cache_read_usd", "cache_write_usd", "output_usd", kind=float),
        *not_null("carried_usd", "lost_usd", kind=float),
    )
    index("spending_day", "spending", ["dimension", "day"])
    op.create_table(
        "trace_spending",
        column("trace_id", bytes, key=True),
        column("session_id", str, null=True),
        column("start_ns", int),
        column("tail", str, null=True),
        column("shares", str),
    )
    index(
        "trace_spending_session",
        "trace_spending",
        ["session_id", "start_ns"],
        where="session_id IS NOT NULL",
    )


def _prompts() -> None:
    op.create_table(
        "prompts",
        column("trace_id", bytes, key=True),
        *not_null("start_ns", "kin", "text_hash"),
        *null("dead_end", kind=str),
        *not_null("version", "has", "lacks"),
        *null("template_id", kind=str),
        *null("template_version"),
        column("text", str),
    )
    index(
        "prompts_newest",
        "prompts",
        ["version", "start_ns", "has", "lacks", "dead_end", "kin", "text_hash", "trace_id"],
    )
    index(
        "prompts_template",
        "prompts",
        ["template_id", "template_version", "start_ns", "dead_end"],
        where="template_id IS NOT NULL",
    )
    op.create_table(
        "templates",
        column("template_id", str, key=True),
        *not_null("name", "tags", kind=str),
        *null("deleted_ns"),
    )
    op.create_table(
        "template_versions",
        column("template_id", str, key=True),
        column("version", int, key=True),
        column("body", str),
        column("created_ns", int),
    )


def _housekeeping() -> None:
    op.create_table(
        "assertions",
        column("assertion_id", str, key=True),
        *not_null("pattern", "kind", kind=str),
        column("bound", float),
        *null("last_runs", "last_ns", kind=int),
        column("created_ns", int),
    )
    op.create_table(
        "commitments",
        column("week", str, key=True),
        *not_null("change", "figure", "pattern", kind=str),
        *null("mark", kind=str),
        *null("value_before", "value_after", kind=float),
        *null("word", kind=str),
        column("created_ns", int),
    )
    op.create_table("spool_segments", column("name", str, key=True), column("offset", int))
    op.create_table(
        "transcript_files",
        column("path", str, key=True),
        *not_null("size", "offset", "open"),
        column("trace_id", bytes, null=True),
    )
    op.create_table("transcript_turns", column("claim", str, key=True), column("trace_id", bytes))
    index("transcript_turns_trace", "transcript_turns", ["trace_id"])
    op.create_table("turn_hosts", column("turn", bytes, key=True), column("trace_id", bytes))
    index("turn_hosts_trace", "turn_hosts", ["trace_id"])
    op.create_table(
        "saved_filters",
        column("name", str, key=True),
        column("filter", str),
        column("created_ns", int),
    )
    op.create_table("state", column("key", str, key=True), column("value", int))
    op.create_table(
        "copies",
        column("name", str, key=True),
        column("source", int),
        *null("upto", "digest", kind=str),
    )


def _text_index() -> None:
    """Full text over the spans, without a second copy of them.

    The view unescapes JSON's line breaks, tabs and backslashes, which would otherwise glue an
    `n` or `t` to the word behind them.
    """

    def plain(field: str) -> str:
        text = field
        for escape in (r"\\", r"\n", r"\t", r"\r"):
            text = f"replace({text}, '{escape}', ' ')"
        return text

    op.execute(
        "CREATE VIEW span_texts AS SELECT trace_id, seq, name, "
        f"{plain('input')} AS input, {plain('output')} AS output, "
        "nullif(coalesce(error_type, '') || ' ' || coalesce(error_message, ''), ' ') AS error, "
        f"{plain('attributes')} AS attributes FROM spans"
    )
    if is_sqlite():
        # The parts themselves are made as they are needed (store.sqlite.text_parts).
        op.execute(
            "CREATE TABLE span_index_parts (number INTEGER PRIMARY KEY,"
            " generation INTEGER NOT NULL DEFAULT 0, stale INTEGER NOT NULL DEFAULT 0,"
            " loose INTEGER NOT NULL DEFAULT 0, built_to INTEGER)"
        )
        return
    words = sa.Column("words", sa.dialects.postgresql.TSVECTOR(), nullable=False)
    ids = column("trace_id", bytes, key=True), column("rowid", int, key=True)
    create_by_month("span_index", "rowid", *ids, words)
    op.execute("CREATE SEQUENCE span_numbers")
    op.create_index("span_index_words", "span_index", ["words"], postgresql_using="gin")
