"""Indexes of the model calls that another trace may report: roots, and those with a response's id.

And how long patterns took in the order of its keys: a family's many patterns are added up at once.

Revision ID: 0003
"""

from alembic import op

from clustertrace.store.migrations.making import index, is_sqlite

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the indexes; a database that holds spans is read once for them."""
    window = "(start_ns / 4000000000)"
    roots = "scope IS NOT NULL AND parent_span_id IS NULL"
    index("spans_root_calls", "spans", ["scope", window, "input_tokens", "start_ns"], where=roots)
    responses = "response_id IS NOT NULL"
    index("spans_responses", "spans", [window, "response_id"], where=responses)
    if is_sqlite():
        _order_by_key("variant_durations")


def _order_by_key(table: str) -> None:
    """Make a table's rows stand in its key, where they stood beside it before."""
    made = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    sql = str(op.get_bind().exec_driver_sql(made, (table,)).scalar_one())
    if not sql.endswith("WITHOUT ROWID"):
        op.execute(f"ALTER TABLE {table} RENAME TO {table}_before")
        op.execute(f"{sql} WITHOUT ROWID")
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_before")
        op.execute(f"DROP TABLE {table}_before")
