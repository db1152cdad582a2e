"""An index of the models that were called, so that a filter finds those which few runs call.

Revision ID: 0002
"""

from clustertrace.store.migrations.making import index

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the index; a database that holds spans is read once for it."""
    called, model = "kind = 'llm' AND model IS NOT NULL", "model COLLATE NOCASE"
    index("spans_models", "spans", [model, "start_ns", "trace_id"], where=called)
