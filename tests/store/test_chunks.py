"""Many values in parts."""

from __future__ import annotations

from clustertrace.store.chunks import chunks


def test_the_parts_hold_all_values_in_their_order() -> None:
    """The parts hold all values in their order, each as many as are asked for at a time."""
    assert list(chunks("abcde", 2)) == [["a", "b"], ["c", "d"], ["e"]]
    assert list(chunks("abcd", 2)) == [["a", "b"], ["c", "d"]]


def test_nothing_has_no_part() -> None:
    """No values make no part, so that no statement is run for none of them."""
    assert list(chunks([])) == []
