"""How far behind its spans the store is: what waits to be settled, and to be searchable."""

from __future__ import annotations

from typing import NamedTuple

from clustertrace.store.connection import Connection
from clustertrace.store.writing import news

__all__ = ["Backlog", "backlog"]


class Backlog(NamedTuple):
    """What is still to be done."""

    settling_ns: int
    """For how long the trace that waits longest has been due to be settled; 0: none is due."""
    unindexed: int
    """Spans that are stored but not in the text index yet."""


def backlog(conn: Connection, now_ns: int) -> Backlog:
    """What is still to be done at this time; a look into an index each."""
    due = news.oldest(conn)
    late = 0 if due is None else max(0, now_ns - due)
    return Backlog(late, conn.texts.behind(conn))
