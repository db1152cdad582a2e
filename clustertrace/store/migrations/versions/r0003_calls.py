"""Indexes of the model calls that another trace may report: roots, and those with a response's id.

Revision ID: 0003
"""

from clustertrace.store.migrations.making import index

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the indexes; a database that holds spans is read once for them."""
    window = "(start_ns / 4000000000)"
    roots = "scope IS NOT NULL AND parent_span_id IS NULL"
    index("spans_root_calls", "spans", ["scope", window, "input_tokens", "start_ns"], where=roots)
    responses = "response_id IS NOT NULL"
    index("spans_responses", "spans", [window, "response_id"], where=responses)
