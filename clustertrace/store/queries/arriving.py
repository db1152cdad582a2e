"""What arrived last, and how much of what arrived is still to be settled and made searchable."""

from __future__ import annotations

from typing import NamedTuple

from clustertrace.store.connection import Connection
from clustertrace.store.writing import news

__all__ = ["Backlog", "Newest", "backlog", "newest_span"]


class Newest(NamedTuple):
    """The span that was stored or changed last."""

    trace_id: str
    name: str
    end_ns: int
    """Its end, or its start while it runs; nanoseconds since 1970, by its sender's clock."""


class Backlog(NamedTuple):
    """What is still to be done."""

    settling_ns: int
    """For how long the trace that waits longest has been due to be settled; 0: none is due."""
    unindexed: int
    """Spans that are stored but not in the text index yet."""


def newest_span(conn: Connection) -> Newest | None:
    """The span that came last, in whatever order its trace ran; None in an empty database."""
    row = conn.row(
        "SELECT trace_id, name, coalesce(end_ns, start_ns) FROM spans ORDER BY seq DESC LIMIT 1"
    )
    return None if row is None else Newest(row[0].hex(), row[1], row[2])


def backlog(conn: Connection, now_ns: int) -> Backlog:
    """What is still to be done at this time; a look into an index each."""
    due = news.oldest(conn)
    late = 0 if due is None else max(0, now_ns - due)
    return Backlog(late, conn.texts.behind(conn))
