"""Long work in many short transactions, between which other writers get their turn."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from clustertrace.store.connection import Connection

if TYPE_CHECKING:
    from clustertrace.store.store import Store

__all__ = ["Turns"]

T = TypeVar("T")

_SECONDS: Final = 0.4
"""What a transaction should take."""
_PAUSE: Final = 0.11
"""Between two of them. A writer that waits for SQLite looks again every tenth of a second: in a
shorter pause it may miss its turn, again and again."""


class Turns:
    """Transactions of one kind, each as large as takes about the same time."""

    def __init__(self, store: Store, least: int, most: int) -> None:
        self._store, self._least, self._most = store, least, most
        self.size = least
        """How much the next transaction should do."""
        self._after = 0.0

    def take(self, work: Callable[[Connection], T]) -> T:
        """Do some work, of `size`, in a transaction, when others have had their turn."""
        time.sleep(max(0.0, self._after - time.monotonic()))
        with self._store.writing() as conn:
            begun = time.monotonic()
            result = work(conn)
        ended = time.monotonic()
        fitting = int(self.size * min(2.0, _SECONDS / max(ended - begun, 1e-4)))
        self.size = max(self._least, min(self._most, fitting))
        self._after = ended + _PAUSE
        return result
