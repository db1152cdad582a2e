"""Alembic's entry: runs the revisions on the connection that `schema.upgrade` hands in."""

from alembic import context

from clustertrace.store.schema.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
