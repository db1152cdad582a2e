"""A database of traces: open it, write through it, read from it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from clustertrace.model import Batch


class Store:
    """One database (SQLite file + WAL). Thread-safe: writes are serialised, reads are not."""

    path: Path | None
    spool: Path  # <db file>.spool/

    @classmethod
    def open(cls, db: str | Path | None = None) -> "Store":
        """Open, creating and migrating as needed. `db` as in CLUSTERTRACE_DB; None reads the setting."""
    def write(self, batch: Batch) -> "Written":
        """Commit a batch in one transaction. Written(new, updated, same). Idempotent by (trace_id, span_id)."""
    def drain(self) -> "Drained":
        """Read every spool segment to its end, under a file lock. Drained(spans, bad_lines, segments)."""
    def settle(self, *, everything: bool = False, limit: int = 500) -> int:
        """Recompute traces that have news (all of them with `everything`, else those that are due); how many."""
    def index_text(self, *, limit: int = 5000) -> int:
        """Carry the text index forward by at most `limit` spans; how many were added."""
    def refresh(self) -> None:
        """What every reading command does first: drain, settle everything, index everything."""
    @contextmanager
    def read(self): """A read-only connection: `with store.read() as conn: queries.overview(conn)`."""
    def close(self) -> None: ...
    def __enter__(self): return self
    def __exit__(self, *exc): self.close()
