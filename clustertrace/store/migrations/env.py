"""Alembic's entry: runs the revisions on the connection that `schema.upgrade` hands in."""

from alembic import context
from sqlmodel import SQLModel

from clustertrace.store.schema import tables as tables  # registers the tables in the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
