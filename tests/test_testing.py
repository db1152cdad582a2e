"""What users get to test their own traced code."""

from __future__ import annotations

from itertools import count

import pytest

import clustertrace
from clustertrace.record.clock import source
from clustertrace.testing import deterministic


def ids_and_times(seed: int) -> list[tuple[str, str, int]]:
    """What two nested spans look like under a simulated clock."""
    ticks = count(10**18, 1000)
    with (
        deterministic(clock_ns=lambda: next(ticks), seed=seed),
        clustertrace.span("agent") as outer,
        clustertrace.span("step") as inner,
    ):
        return [(step.trace_id, step.span_id, step.start_ns) for step in (outer, inner)]


def test_the_same_seed_gives_the_same_run() -> None:
    """Ids and times repeat with the seed; another seed gives other ids at the same times."""
    first, again, other = ids_and_times(1), ids_and_times(1), ids_and_times(2)
    assert first == again
    assert {ids[1] for ids in first}.isdisjoint(ids[1] for ids in other)
    assert [ids[2] for ids in first] == [ids[2] for ids in other]
    assert 10**18 <= first[0][2] < first[1][2] < 10**18 + 10_000


def test_the_own_clock_returns_also_after_an_error() -> None:
    """Whatever happens inside, the recorder has its own clock and ids again afterwards."""
    before = (source.wall_ns, source.tick_ns, source.bits, source.chance)
    with pytest.raises(KeyError), deterministic(clock_ns=lambda: 5):
        raise KeyError
    assert (source.wall_ns, source.tick_ns, source.bits, source.chance) == before
