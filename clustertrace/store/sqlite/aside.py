"""Moving a database that can't be used out of the way: every byte is kept, under another name."""

from __future__ import annotations

import time
from pathlib import Path

from clustertrace.errors import StoreError

__all__ = ["set_aside"]


def set_aside(path: Path) -> Path:
    """Rename a database and the logs beside it; its new name. Raises StoreError.

    The logs go first: a program that opens the old name afterwards makes a new database, whose own
    logs must stay with it.
    """
    kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        for end in ("-wal", "-shm"):
            beside = path.with_name(path.name + end)
            if beside.exists():
                beside.rename(kept.with_name(kept.name + end))
        path.rename(kept)
    except OSError as error:
        raise StoreError(
            f"{path} can't be moved away ({error.strerror or error}); give yourself permission to "
            "write to its folder."
        ) from None
    return kept
