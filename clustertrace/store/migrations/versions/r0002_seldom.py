"""Indexes of what few runs have: a model that is seldom called, an error, a note.

Revision ID: 0002
"""

from alembic import op

from clustertrace.store.migrations.making import index

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the indexes; a database that holds spans is read once for them."""
    called, model = "kind = 'llm' AND model IS NOT NULL", "model COLLATE NOCASE"
    index("spans_models", "spans", [model, "start_ns", "trace_id"], where=called)
    # A coordinator of shards has none.
    op.drop_index("traces_start", "traces", if_exists=True)
    numbers = ["llm_calls", "error_count", "input_tokens", "output_tokens"]
    numbers += ["missed_tokens", "lost_usd"]
    index("traces_start", "traces", ["start_ns", "trace_id", *numbers])
    for column in ("error", "note"):
        by_start = ["start_ns", "trace_id"]
        index(f"traces_{column}", "traces", by_start, where=f"{column} IS NOT NULL")
