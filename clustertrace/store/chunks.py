"""Many values in parts, because one statement takes only so many parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

__all__ = ["IDS_A_QUERY", "chunks"]

T = TypeVar("T")

IDS_A_QUERY: Final = 500
"""Ids that one statement names, each a parameter of it."""


def chunks(items: Iterable[T], size: int = IDS_A_QUERY) -> Iterator[list[T]]:
    """Lists of at most `size` items, in their order; none if there are no items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
