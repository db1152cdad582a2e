"""Gather the receiver's own numbers, from its memory, its files and its database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from clustertrace.errors import StoreError
from clustertrace.ingest.committer import Committer
from clustertrace.ingest.exposition import Figures
from clustertrace.store import queries
from clustertrace.store.queries import Backlog
from clustertrace.store.store import Store
from clustertrace.version import __version__

__all__ = ["figures"]


def figures(
    committer: Committer, answers: Mapping[tuple[str, int], int], db: str, store: Store | None
) -> Figures:
    """What there is to tell now; looks at files, and waits for the disk."""
    behind = None if store is None else _backlog(store)
    return Figures(
        version=__version__,
        trouble=committer.trouble is not None,
        stored=committer.stored,
        rejected=committer.rejected,
        waiting=committer.waiting,
        answers=dict(answers),
        commits=committer.commits,
        files=_files(Path(db)),
        settling_s=None if behind is None else behind.settling_ns / 1e9,
        unindexed=None if behind is None else behind.unindexed,
    )


def _backlog(store: Store) -> Backlog | None:
    with suppress(StoreError), store.read() as conn:
        return queries.backlog(conn, time.time_ns())
    return None


def _files(db: Path) -> Mapping[str, int]:
    """Bytes of the database, of what was written last, and of what recorders have left."""
    return {
        "main": _size(db),
        "wal": _size(db.with_name(f"{db.name}-wal")),
        "spool": sum(_size(path) for path in db.with_name(f"{db.name}.spool").glob("*")),
    }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
