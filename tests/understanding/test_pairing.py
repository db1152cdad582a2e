"""Pairs of what belongs together, one to one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.understanding.pairing import Candidate, nearest_in_time, one_to_one

times = st.lists(st.integers(0, 30), max_size=6)


@given(times, times)
def test_nearest_first(lefts: list[int], rights: list[int]) -> None:
    """No end is taken twice; what is left over is no nearer than a pair with one of its ends."""
    candidates = [
        Candidate((abs(a - b), i, j), (("left", i), ("right", j)), i, j)
        for i, a in enumerate(lefts)
        for j, b in enumerate(rights)
    ]
    pairs = list(one_to_one(candidates))
    assert len(pairs) == min(len(lefts), len(rights))
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    ranks = [(abs(lefts[i] - rights[j]), i, j) for i, j in pairs]
    assert ranks == sorted(ranks)
    for candidate in candidates:
        own = [rank for rank in ranks if candidate.left == rank[1] or candidate.right == rank[2]]
        assert min(own) <= candidate.rank


def test_a_refused_pair_leaves_its_ends_to_others() -> None:
    """A pair that is refused leaves its ends to others; ends that are gone stay so."""
    candidates = [Candidate((n,), (left, right), left, right) for n, left, right in (
        *((0, "a", "x"), (1, "a", "y"), (2, "b", "x"), (3, "c", "z")),
    )]  # fmt: skip
    taken = {"z"}
    pairs = one_to_one(candidates, taken, unless=lambda left, right: (left, right) == ("a", "x"))
    assert list(pairs) == [("a", "y"), ("b", "x")]
    assert taken == {"a", "b", "x", "y", "z"}


def test_nearest_in_time() -> None:
    """So many on each side of a time; one at the very time counts as before it."""
    moments = [(time_ns, "", "") for time_ns in (1, 3, 5, 7)]
    assert nearest_in_time(moments, 5, 1) == [(5, "", ""), (7, "", "")]
    assert nearest_in_time(moments, 0, 2) == moments[:2]
    assert nearest_in_time([], 0, 2) == []
