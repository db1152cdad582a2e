"""Where the nodes of a graph stand."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.app.graph.layers import across, columns, heights, lanes

NAMES = st.sampled_from("abcdef")
EDGES = st.lists(st.tuples(NAMES, NAMES), min_size=1, unique=True)


def test_columns_follow_the_ways() -> None:
    """A node stands behind all that lead to it; loops and ways back move nothing."""
    edges = [("in", "a"), ("a", "b"), ("a", "out"), ("b", "out"), ("b", "b"), ("b", "a")]
    assert columns(edges, "in", "out") == {"in": 0, "a": 1, "b": 2, "out": 3}


def test_what_nothing_leads_to_stands_behind_the_start() -> None:
    """Sliders may have taken the way to it out of the picture."""
    assert columns([("in", "a"), ("b", "out")], "in", "out")["b"] == 1


@given(edges=EDGES)
def test_any_graph_gets_columns(edges: list[tuple[str, str]]) -> None:
    """Circles of any kind end, and the end is last."""
    found = columns([*edges, ("a", "end")], "start", "end")
    assert set(found) == {name for edge in edges for name in edge} | {"a", "end"}
    assert found["end"] == max(found.values())


@given(edges=EDGES, tall=st.dictionaries(NAMES, st.integers(1, 50)))
def test_nodes_of_a_column_keep_apart(edges: list[tuple[str, str]], tall: dict[str, int]) -> None:
    """No two of them overlap, however tall each is."""
    column = {name: ord(name) % 2 for edge in edges for name in edge}
    room = {name: tall.get(name, 10) for name in column}
    found = heights(column, edges, room)
    for at in (0, 1):
        line = sorted((found[name], room[name]) for name in column if column[name] == at)
        for (above, one), (below, other) in pairwise(line):
            assert below - above >= (one + other) / 2 - 1e-6


def test_columns_are_as_wide_as_what_stands_in_them() -> None:
    """A long name pushes what follows to the right, so that it lies on nothing."""
    column = {"in": 0.0, "way": 0.5, "a long name": 1.0, "b": 1.0}
    found = across(column, {"in": 20, "way": 30, "a long name": 200, "b": 10}, 10)
    assert found == {"in": 10, "way": 45, "a long name": 170, "b": 170}


def test_a_long_way_knows_the_columns_that_it_passes() -> None:
    """Forward and back; neighbours have nothing between them."""
    assert list(lanes(1, 4)) == [2, 3]
    assert list(lanes(4, 1)) == [3, 2]
    assert list(lanes(1, 2)) == list(lanes(2, 2)) == []
