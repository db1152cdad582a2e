"""Requests go before chores, and other programs get to write between them."""

from __future__ import annotations

from clustertrace.ingest.pacing import (
    BURST_SECONDS,
    CHORE_EVERY_SECONDS,
    CHORE_IN_A_BURST_SECONDS,
    GAP_SECONDS,
    IDLE_SECONDS,
    LULL_SECONDS,
    STRETCH_SECONDS,
    Pace,
)


class Clock:
    """Stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_without_work_it_waits_longest() -> None:
    """With no chore to do, the writer looks for new work a few times a second."""
    assert Pace(Clock()).patience(idle=True) == IDLE_SECONDS


def test_chores_follow_each_other() -> None:
    """Only after an answer is a request waited for before the next chore."""
    pace = Pace(Clock())
    assert pace.patience(idle=False) == 0
    pace.answered()
    assert pace.patience(idle=False) == LULL_SECONDS
    pace.chore_ended()
    assert pace.patience(idle=False) == 0


def test_a_stretch_of_chores_ends_with_a_gap() -> None:
    """Chores that follow each other leave other programs a gap to write in, again and again."""
    clock = Clock()
    pace = Pace(clock)
    for _ in range(3):
        clock.now += STRETCH_SECONDS
        assert pace.patience(idle=False) == GAP_SECONDS
        pace.waited(0.0)
        assert pace.patience(idle=False) == GAP_SECONDS
        pace.waited(GAP_SECONDS)
        assert pace.patience(idle=False) == 0


def test_a_request_begins_a_new_stretch() -> None:
    """Waiting for the next request after an answer is a gap as well."""
    clock = Clock()
    pace = Pace(clock)
    clock.now += STRETCH_SECONDS
    pace.answered()
    assert pace.patience(idle=False) == LULL_SECONDS


def test_chores_have_their_part_beside_requests() -> None:
    """While requests wait, a chore is due once in a while: seldom in a burst, then more often."""
    clock = Clock()
    pace = Pace(clock)
    assert pace.is_chore_due(0.0)
    for behind, pause in ((0.0, CHORE_IN_A_BURST_SECONDS), (BURST_SECONDS, CHORE_EVERY_SECONDS)):
        pace.chore_ended()
        clock.now += pause * 0.99
        assert not pace.is_chore_due(behind)
        clock.now += pause * 0.02
        assert pace.is_chore_due(behind)
