"""The newest span to arrive."""

from __future__ import annotations

from typing import NamedTuple

from clustertrace.store.connection import Connection

__all__ = ["Newest", "newest_span"]


class Newest(NamedTuple):
    """The span that was stored or changed last."""

    trace_id: str
    name: str
    end_ns: int
    """Its end, or its start while it runs; nanoseconds since 1970, by its sender's clock."""


def newest_span(conn: Connection) -> Newest | None:
    """The span that came last, in whatever order its trace ran; None in an empty database."""
    row = conn.row(
        "SELECT trace_id, name, coalesce(end_ns, start_ns) FROM spans ORDER BY seq DESC LIMIT 1"
    )
    return None if row is None else Newest(row[0].hex(), row[1], row[2])
