"""Move an unusable database out of the way: every byte is kept, under another name."""

from __future__ import annotations

import time
from pathlib import Path

from clustertrace.errors import StoreError

__all__ = ["set_aside"]


def set_aside(path: Path) -> Path:
    """Rename a database and its logs; returns the new path. Raises StoreError.

    The logs go first: a program that opens the old path afterwards creates a new database, whose
    own logs must stay with it.
    """
    new_path = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        for suffix in ("-wal", "-shm"):
            log = path.with_name(path.name + suffix)
            if log.exists():
                log.rename(new_path.with_name(new_path.name + suffix))
        path.rename(new_path)
    except OSError as error:
        raise StoreError(
            f"{path} can't be moved away ({error.strerror or error}); give yourself permission to "
            "write to its folder."
        ) from None
    return new_path
