"""Distribute a database over several nodes, given their places."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clustertrace.errors import UsageError
from clustertrace.store.place import Place
from clustertrace.store.postgres import citus, shards
from clustertrace.store.postgres.schema import opened

__all__ = ["planned", "spread_by_citus", "spread_over"]


def planned(places: Sequence[Place]) -> list[str]:
    """The statements that would be run, without passwords: for these shards, or else for Citus."""
    if not places:
        return list(citus.statements())
    commands = shards.statements(places, "…")
    return [re.sub(r"\bpassword '(?:[^']|'')*'", "password '…'", command) for command in commands]


def spread_by_citus(place: Place) -> list[str]:
    """Distribute a database over its Citus nodes; returns the statements. Raises StoreError."""
    conn = opened(place)
    try:
        citus.distribute(conn)
    finally:
        conn.close()
    return planned(())


def spread_over(place: Place, places: Sequence[Place]) -> list[str]:
    """Distribute an empty database over empty ones; returns the statements, without passwords.

    Raises StoreError or UsageError.
    """
    if any(shard.is_file for shard in places) or len(
        {place.name, *(p.name for p in places)}
    ) <= len(places):
        raise UsageError("Each shard is a separate PostgreSQL database; name each once.")
    for number, shard in enumerate(places, 1):
        conn = opened(shard)
        try:
            shards.renumber(conn, number, len(places))
        finally:
            conn.close()
    conn = opened(place)
    try:
        shards.distribute(conn, places)
    finally:
        conn.close()
    return planned(places)
