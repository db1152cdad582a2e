"""The first schema: spans, traces, what was told about them, roll-ups and the text index.

Revision ID: 0001
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT_FIELDS = ("name", "input", "output", "error", "attributes")


_TYPES: dict[type, sa.types.TypeEngine[Any]] = {
    int: sa.BigInteger(),
    str: sa.Text(),
    bytes: sa.LargeBinary(),
    float: sa.Double(),
}


def _column(name: str, kind: type, *, null: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TYPES[kind], nullable=null, primary_key=key)


def _not_null(*names: str, kind: type = int) -> list[sa.Column[Any]]:
    return [_column(name, kind) for name in names]


def _null(*names: str, kind: type = int) -> list[sa.Column[Any]]:
    return [_column(name, kind, null=True) for name in names]


def upgrade() -> None:
    """Make every table."""
    _spans()
    _traces()
    _told()
    _logs()
    _rollups()
    _prompts()
    _money()
    _housekeeping()
    if op.get_bind().dialect.name == "sqlite":
        _text_index()


def _spans() -> None:
    op.create_table(
        "spans",
        _column("trace_id", bytes, key=True),
        _column("span_id", bytes, key=True),
        *_not_null("seq", "ordinal"),
        *_null("parent_span_id", kind=bytes),
        *_not_null("name", "kind", "status", kind=str),
        *_not_null("start_ns"),
        *_null("end_ns"),
        *_null("error_type", "error_message", "model", "provider", kind=str),
        *_null("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
        *_null("reasoning_tokens"),
        *_null("cost_usd", kind=float),
        *_null("finish_reason", "origin", "scope", "response_id", kind=str),
        *_null("internal"),
        *_null("input", "output", "attributes", "extra", kind=str),
    )
    op.create_index("spans_seq", "spans", ["seq"], unique=True)
    op.create_index("spans_origin", "spans", ["origin"], sqlite_where=sa.text("origin IS NOT NULL"))
    op.create_index(
        "spans_calls",
        "spans",
        ["scope", "input_tokens", "start_ns"],
        sqlite_where=sa.text("scope IS NOT NULL"),
    )


def _traces() -> None:
    op.create_table(
        "traces",
        _column("trace_id", bytes, key=True),
        *_null("due_ns", "traits_due", "prompt_due"),
        *_null("told_name", "told_status", kind=str),
        *_null("told_start_ns", "told_end_ns"),
        *_null("told_outcome", "told_reason", "session_id", "extra", kind=str),
        *_null("given_outcome", "given_reason", kind=str),
        *_null("starred"),
        *_null("note", "name", "status", "outcome", "outcome_reason", kind=str),
        *_null("failed", "start_ns", "half_day", "end_ns", "duration_ns"),
        *_null("root_span_id", kind=bytes),
        *_null("span_count", "error_count", "llm_calls", "unpriced_calls"),
        *_null("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
        *_null("reasoning_tokens"),
        *_null("cost_usd", kind=float),
        *_null("missed_tokens"),
        *_null("lost_usd", kind=float),
        *_null("error", "dead_end", "first_prompt", kind=str),
        *_null("prompt_span_id", kind=bytes),
        *_null("variant_id", kind=str),
        *_null("rolled_session_id", kind=str),
    )
    op.create_index("traces_start", "traces", ["start_ns", "trace_id"])
    op.create_index("traces_failed", "traces", ["failed", "start_ns", "trace_id"])
    op.create_index("traces_variant", "traces", ["variant_id", "failed", "start_ns", "trace_id"])
    op.create_index("traces_variant_start", "traces", ["variant_id", "start_ns", "trace_id"])
    op.create_index("traces_status", "traces", ["status", "start_ns", "trace_id"])
    for name, column in (
        ("traces_name", sa.text("name COLLATE NOCASE")),
        ("traces_duration", "duration_ns"),
        ("traces_cost", "cost_usd"),
        ("traces_tokens", "input_tokens"),
        ("traces_spans", "span_count"),
    ):
        op.create_index(name, "traces", [column, "trace_id"])
    op.create_index(
        "traces_parts",
        "traces",
        [
            *("half_day", "variant_id", "start_ns", "session_id", "status", "failed", "dead_end"),
            *("unpriced_calls", "input_tokens", "cache_read_tokens", "missed_tokens"),
            *("cost_usd", "lost_usd"),
        ],
    )
    for name, columns, where in (
        ("traces_due", ["due_ns"], "due_ns IS NOT NULL"),
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
        op.create_index(name, "traces", columns, sqlite_where=sa.text(where))


def _told() -> None:
    op.create_table(
        "trace_tags",
        _column("trace_id", bytes, key=True),
        _column("key", str, key=True),
        _column("value", str),
        _column("by_hand", int),
    )
    op.create_index(
        "trace_tags_value", "trace_tags", ["key", sa.text("value COLLATE NOCASE"), "trace_id"]
    )
    op.create_table(
        "trace_metrics",
        _column("trace_id", bytes, key=True),
        _column("name", str, key=True),
        _column("time_ns", int, key=True),
        _column("span_id", bytes, key=True),
        _column("value", float, key=True),
    )
    op.create_index("trace_metrics_name", "trace_metrics", ["name", "time_ns"])


def _logs() -> None:
    op.create_table(
        "logs",
        _column("trace_id", bytes, key=True),
        _column("log_id", bytes, key=True),
        *_not_null("ordinal"),
        *_null("turn", kind=bytes),
        *_null("session_id", kind=str),
        *_null("span_id", kind=bytes),
        *_not_null("time_ns"),
        *_not_null("name", "scope", kind=str),
        *_null("body", "attributes", kind=str),
    )
    for name, column in (("logs_turn", "turn"), ("logs_session", "session_id")):
        op.create_index(name, "logs", [column], sqlite_where=sa.text(f"{column} IS NOT NULL"))
    op.create_table(
        "unjoined_spans",
        _column("trace_id", bytes, key=True),
        _column("span_id", bytes, key=True),
        _column("record", str, null=True),
    )


def _rollups() -> None:
    op.create_table(
        "variants",
        _column("variant_id", str, key=True),
        _column("version", int),
        *_not_null("name", "steps", kind=str),
        *_null("family_id", kind=str),
    )
    op.create_index("variants_family", "variants", ["family_id"])
    op.create_table(
        "variant_annotations",
        _column("variant_id", str, key=True),
        _column("expected", int),
        *_null("priority", "note", kind=str),
    )
    op.create_table(
        "families",
        _column("family_id", str, key=True),
        *_not_null("version", "place"),
        *_not_null("name", "steps", kind=str),
    )
    op.create_index("families_name", "families", ["name", "version", "place"])
    op.create_table(
        "trace_traits",
        _column("trace_id", bytes, key=True),
        _column("version", int),
        *_not_null("traits", "measures", kind=bytes),
    )
    op.create_table(
        "trait_names",
        _column("trait_key", int, key=True),
        *_not_null("what", "step", "other", kind=str),
        _column("number", float),
    )
    days: dict[str, sa.Column[Any]] = {
        "variant_days": _column("day", int, key=True),
        "variant_totals": _column("last_day", int, null=True),
    }
    for name, day in days.items():
        op.create_table(
            name,
            _column("variant_id", str, key=True),
            *_not_null("traces", "running", "incomplete", "failed", "failed_by_outcome"),
            *_not_null("spans", "llm_calls", "unpriced_calls", "input_tokens", "output_tokens"),
            *_not_null("cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
            _column("cost_usd", float),
            _column("missed_tokens", int),
            _column("lost_usd", float),
            *_not_null("missed_runs", "dead_ends"),
            _column("duration_ns", float),
            day,
        )
    op.create_index("variant_days_day", "variant_days", ["day"])
    op.create_table(
        "variant_durations",
        _column("variant_id", str, key=True),
        _column("day", int, key=True),
        _column("bucket", int, key=True),
        _column("traces", int),
    )
    op.create_table(
        "sessions",
        _column("session_id", str, key=True),
        *_not_null("traces", "failed"),
        _column("cost_usd", float),
        *_null("first_ns", "last_ns"),
    )
    op.create_index("sessions_last", "sessions", ["last_ns"])


def _money() -> None:
    op.create_table(
        "spending",
        *(_column(name, str, key=True) for name in ("dimension", "name")),
        _column("day", int, key=True),
        *_not_null("calls", "unpriced_calls", "input_tokens", "output_tokens"),
        *_not_null("cache_read_tokens", "cache_write_tokens", "carried_tokens", "missed_tokens"),
        *_not_null("misses"),
        *_not_null("cost_usd", "cache_read_usd", "cache_write_usd", "output_usd", kind=float),
        *_not_null("carried_usd", "lost_usd", kind=float),
    )
    op.create_index("spending_day", "spending", ["dimension", "day"])
    op.create_table(
        "trace_spending",
        _column("trace_id", bytes, key=True),
        _column("session_id", str, null=True),
        _column("start_ns", int),
        _column("tail", str, null=True),
        _column("shares", str),
    )
    op.create_index(
        "trace_spending_session",
        "trace_spending",
        ["session_id", "start_ns"],
        sqlite_where=sa.text("session_id IS NOT NULL"),
    )


def _prompts() -> None:
    op.create_table(
        "prompts",
        _column("trace_id", bytes, key=True),
        *_not_null("start_ns", "kin", "text_hash"),
        *_null("dead_end", kind=str),
        *_not_null("version", "has", "lacks"),
        *_null("template_id", kind=str),
        *_null("template_version"),
        _column("text", str),
    )
    op.create_index(
        "prompts_newest",
        "prompts",
        ["version", "start_ns", "has", "lacks", "dead_end", "kin", "text_hash", "trace_id"],
    )
    op.create_index(
        "prompts_template",
        "prompts",
        ["template_id", "template_version", "start_ns", "dead_end"],
        sqlite_where=sa.text("template_id IS NOT NULL"),
    )
    op.create_table(
        "templates",
        _column("template_id", str, key=True),
        *_not_null("name", "tags", kind=str),
        *_null("deleted_ns"),
    )
    op.create_table(
        "template_versions",
        _column("template_id", str, key=True),
        _column("version", int, key=True),
        _column("body", str),
        _column("created_ns", int),
    )


def _housekeeping() -> None:
    op.create_table(
        "assertions",
        _column("assertion_id", str, key=True),
        *_not_null("pattern", "kind", kind=str),
        _column("bound", float),
        *_null("last_runs", "last_ns", kind=int),
        _column("created_ns", int),
    )
    op.create_table(
        "commitments",
        _column("week", str, key=True),
        *_not_null("change", "figure", "pattern", kind=str),
        *_null("mark", kind=str),
        *_null("value_before", "value_after", kind=float),
        *_null("word", kind=str),
        _column("created_ns", int),
    )
    op.create_table("spool_segments", _column("name", str, key=True), _column("offset", int))
    op.create_table(
        "transcript_files",
        _column("path", str, key=True),
        *_not_null("size", "offset", "open"),
        _column("trace_id", bytes, null=True),
    )
    op.create_table("transcript_turns", _column("claim", str, key=True), _column("trace_id", bytes))
    op.create_index("transcript_turns_trace", "transcript_turns", ["trace_id"])
    op.create_table("turn_hosts", _column("turn", bytes, key=True), _column("trace_id", bytes))
    op.create_index("turn_hosts_trace", "turn_hosts", ["trace_id"])
    op.create_table(
        "saved_filters",
        _column("name", str, key=True),
        _column("filter", str),
        _column("created_ns", int),
    )
    op.create_table("state", _column("key", str, key=True), _column("value", int))


def _text_index() -> None:
    """Full text over the spans, without a second copy of them.

    The view unescapes JSON's line breaks, tabs and backslashes, which would otherwise glue an
    `n` or `t` to the word behind them.
    """

    def plain(column: str) -> str:
        text = column
        for escape in (r"\\", r"\n", r"\t", r"\r"):
            text = f"replace({text}, '{escape}', ' ')"
        return text

    op.execute(
        "CREATE VIEW span_texts AS SELECT seq, name, "
        f"{plain('input')} AS input, {plain('output')} AS output, "
        "nullif(coalesce(error_type, '') || ' ' || coalesce(error_message, ''), ' ') AS error, "
        f"{plain('attributes')} AS attributes FROM spans"
    )
    op.execute(
        f"CREATE VIRTUAL TABLE span_index USING fts5({', '.join(_TEXT_FIELDS)}, "
        "content='span_texts', content_rowid='seq', "
        'tokenize="unicode61 remove_diacritics 2")'
    )
