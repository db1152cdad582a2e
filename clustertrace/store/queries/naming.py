"""What an id, or the beginning of one, stands for: a trace or a pattern."""

from __future__ import annotations

from typing import NamedTuple

from clustertrace.errors import Ambiguous, NotFound, UsageError
from clustertrace.store.answers import PatternAnnotation
from clustertrace.store.connection import Connection
from clustertrace.store.queries.listing import trace_id
from clustertrace.store.queries.patterns import cluster

__all__ = ["Named", "named"]


class Named(NamedTuple):
    """A trace, or a pattern with what is said about it."""

    id: str
    pattern: PatternAnnotation | None


def named(conn: Connection, prefix: str) -> Named:
    """The one trace or pattern whose id begins so. Raises NotFound or UsageError."""
    try:
        found = cluster(conn, prefix)
    except Ambiguous:
        raise
    except NotFound:
        return Named(trace_id(conn, prefix), None)
    try:
        trace_id(conn, prefix)
    except NotFound:
        return Named(found.id, found.annotation)
    raise UsageError(f"A trace and a pattern begin with {prefix}; give more of the id.")
