"""Spreading a database over several nodes, from its places alone."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clustertrace.errors import UsageError
from clustertrace.store.place import Place
from clustertrace.store.postgres import citus, shards
from clustertrace.store.postgres.schema import opened

__all__ = ["planned", "spread_by_citus", "spread_over"]


def planned(places: Sequence[Place]) -> list[str]:
    """The statements that would be run, without passwords: on these shards, else by Citus."""
    if not places:
        return list(citus.statements())
    told = shards.statements(places, "…")
    return [re.sub(r"\bpassword '(?:[^']|'')*'", "password '…'", one) for one in told]


def spread_by_citus(place: Place) -> list[str]:
    """Spread a database over the nodes that its Citus knows; what was run. Raises StoreError."""
    conn = opened(place)
    try:
        citus.distribute(conn)
    finally:
        conn.close()
    return planned(())


def spread_over(place: Place, places: Sequence[Place]) -> list[str]:
    """Spread an empty database over empty databases; what was run, without passwords.

    Raises StoreError or UsageError.
    """
    if any(one.is_file for one in places) or len({place.name, *(p.name for p in places)}) <= len(
        places
    ):
        raise UsageError("Each shard is a separate PostgreSQL database; name each once.")
    for number, one in enumerate(places, 1):
        conn = opened(one)
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
