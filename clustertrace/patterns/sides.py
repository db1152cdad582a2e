"""One of two runs or patterns that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from clustertrace.patterns.alignment import Place

__all__ = ["Side"]


class Side(NamedTuple):
    """A run or a pattern as a sequence of steps."""

    sort: Literal["trace", "pattern"]
    id: str
    name: str
    places: Sequence[Place]
