"""Failure rules with runs to look at: what commands and pages both show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from clustertrace.patterns.field import Columns
from clustertrace.patterns.rules import Mined, mine_columns

__all__ = ["Learned", "learn"]

SAMPLES: Final = 5
"""Failed runs that are kept for each rule, the first ones."""


class Learned(NamedTuple):
    """Failure rules, and for each the ids of some failed runs that match it."""

    mined: Mined
    samples: tuple[tuple[str, ...], ...]
    expected: int = 0
    """Failed runs that were left out, since failures of their patterns are expected."""


def learn(trace_ids: Sequence[str], columns: Columns, expected: int = 0) -> Learned:
    """Mine finished runs, given by column in the order of their ids; `expected` were left out."""
    mined = mine_columns(columns)
    samples = tuple(tuple(trace_ids[at] for at in p[:SAMPLES]) for p in mined.failed_places)
    return Learned(mined, samples, expected)
