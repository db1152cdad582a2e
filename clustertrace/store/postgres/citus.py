"""Spreading a database over the nodes of a Citus cluster: the statements, and their application.

Citus is an extension of PostgreSQL that keeps a table's rows on many nodes and answers SQL from all
of them. What belongs to a trace lies together (`colocate_with`), the rest is on every node.
"""

from __future__ import annotations

from typing import Final

from clustertrace.errors import StoreError
from clustertrace.store.postgres.connection import PostgresConnection
from clustertrace.store.postgres.placement import BY_TRACE, HERE, NAMED, SUMMED

__all__ = ["distribute", "statements"]

_NUMBERS: Final = (
    "DROP INDEX spans_seq",
    "CREATE INDEX spans_seq ON spans (seq NULLS FIRST)",
)
"""What is unique over all nodes must begin with the trace; numbers stay so by their sequence."""


def statements() -> tuple[str, ...]:
    """What spreads a database that has our tables, in order."""
    first, *others = BY_TRACE
    return (
        *_NUMBERS,
        f"SELECT create_distributed_table('{first}', 'trace_id')",
        *(
            f"SELECT create_distributed_table('{name}', 'trace_id', colocate_with => '{first}')"
            for name in others
        ),
        *(f"SELECT create_reference_table('{name}')" for name in (*SUMMED, *NAMED, *HERE)),
    )


def distribute(conn: PostgresConnection) -> None:
    """Spread the database of a connection, all of it or nothing. Raises StoreError."""
    if not conn.value("SELECT 1 FROM pg_extension WHERE extname = 'citus'"):
        raise StoreError(
            f"{conn.name} has no extension citus; install it on every node, run CREATE EXTENSION "
            "citus in this database, and try again."
        )
    with conn.transaction():
        for statement in statements():
            conn.control(statement)
