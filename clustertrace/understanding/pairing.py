"""Pairs of what belongs together, one to one: the nearest are taken first."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

__all__ = ["Candidate", "nearest_in_time", "one_to_one"]

Left = TypeVar("Left")
Right = TypeVar("Right")
Moment = TypeVar("Moment", bound=tuple[int, Any, Any])


class Candidate(NamedTuple, Generic[Left, Right]):
    """Two that may belong together."""

    rank: tuple[Any, ...]
    """The smallest is taken first: how far apart they are, then what breaks a tie."""
    ends: tuple[Hashable, Hashable]
    """What no other pair may have any more once this one is taken."""
    left: Left
    right: Right


def one_to_one(
    candidates: Iterable[Candidate[Left, Right]],
    taken: set[Any] | None = None,
    unless: Callable[[Left, Right], bool] = lambda _left, _right: False,
) -> Iterator[tuple[Left, Right]]:
    """The pairs that are taken, nearest first; `taken` has ends that are gone, and takes theirs.

    A pair that is refused by `unless`, asked when its turn comes, leaves its ends to others.
    """
    gone = set[Any]() if taken is None else taken
    for _, ends, left, right in sorted(candidates, key=lambda candidate: candidate.rank):
        if gone.isdisjoint(ends) and not unless(left, right):
            gone.update(ends)
            yield left, right


def nearest_in_time(moments: Sequence[Moment], time_ns: int, count: int) -> Sequence[Moment]:
    """Of moments in order, each with its time first, so many before and after a time."""
    at = bisect(moments, time_ns, key=lambda moment: moment[0])
    return moments[max(0, at - count) : at + count]
