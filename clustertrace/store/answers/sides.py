"""One of two runs or patterns that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from clustertrace.patterns.alignment import Place
from clustertrace.store.answers.patterns import Cluster
from clustertrace.store.answers.traces import TraceRow

__all__ = ["Side"]


class Side(NamedTuple):
    """A run or a pattern as a sequence of steps."""

    sort: Literal["trace", "pattern"]
    id: str
    name: str
    places: Sequence[Place]
    of: TraceRow | Cluster
    """What is known of it as a whole."""
