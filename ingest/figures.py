"""Gather the receiver's own metrics from memory, files and the database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from clustertrace.errors import StoreError
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.exposition import Figures
from clustertrace.store import queries
from clustertrace.store.place import Place
from clustertrace.store.queries import Backlog
from clustertrace.store.store import Store
from clustertrace.version import __version__

__all__ = ["figures"]


def figures(
    committer: Committer,
    answers: Mapping[tuple[str, int], int],
    place: Place | None,
    store: Store | None,
) -> Figures:
    """The current metrics; reads files, so it waits for the disk."""
    backlog = None if store is None else _backlog(store)
    return Figures(
        version=__version__,
        trouble=committer.trouble is not None,
        stored=committer.stored,
        rejected=committer.rejected,
        waiting=committer.waiting,
        answers=dict(answers),
        commits=committer.commits,
        files={} if place is None else _files(place),
        settling_s=None if backlog is None else backlog.settling_ns / 1e9,
        unindexed=None if backlog is None else backlog.unindexed,
    )


def _backlog(store: Store) -> Backlog | None:
    with suppress(StoreError), store.read() as conn:
        return queries.backlog(conn, time.time_ns())
    return None


def _files(place: Place) -> Mapping[str, int]:
    """Bytes of the database, of its log, and of recorders' spools."""
    spool = sum(_size(path) for path in place.spool.glob("*"))
    if not place.is_file:
        return {"spool": spool}
    wal = place.path.with_name(f"{place.path.name}-wal")
    return {"main": _size(place.path), "wal": _size(wal), "spool": spool}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
