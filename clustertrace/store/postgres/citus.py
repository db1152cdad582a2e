"""Distribute a database over the nodes of a Citus cluster.

Citus is an extension of PostgreSQL that keeps a table's rows on many nodes and answers SQL from all
of them. Everything about a trace is on one node (`colocate_with`), other tables are on every node.
"""

from __future__ import annotations

from typing import Final

from clustertrace.errors import StoreError
from clustertrace.store.postgres.connection import PostgresConnection
from clustertrace.store.postgres.placement import BY_TRACE, HERE, NAMED, SUMMED

__all__ = ["distribute", "statements"]

_NON_UNIQUE_NUMBERS: Final = (
    "DROP INDEX spans_seq",
    "CREATE INDEX spans_seq ON spans (seq NULLS FIRST)",
)
"""Citus requires unique indexes to start with the trace id; the sequence keeps numbers unique."""


def statements() -> tuple[str, ...]:
    """The statements that distribute a database with our tables, in order."""
    first, *others = BY_TRACE
    return (
        *_NON_UNIQUE_NUMBERS,
        f"SELECT create_distributed_table('{first}', 'trace_id')",
        *(
            f"SELECT create_distributed_table('{name}', 'trace_id', colocate_with => '{first}')"
            for name in others
        ),
        *(f"SELECT create_reference_table('{name}')" for name in (*SUMMED, *NAMED, *HERE)),
    )


def distribute(conn: PostgresConnection) -> None:
    """Distribute the database of a connection, all of it or nothing. Raises StoreError."""
    if not conn.value("SELECT 1 FROM pg_extension WHERE extname = 'citus'"):
        raise StoreError(
            f"{conn.name} has no extension citus; install it on every node, run CREATE EXTENSION "
            "citus in this database, and try again."
        )
    with conn.transaction():
        for statement in statements():
            conn.control(statement)
