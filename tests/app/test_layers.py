"""Where the nodes of a graph stand."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from clustertrace.app.layers import columns, heights

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


@given(edges=EDGES)
def test_nodes_of_a_column_keep_apart(edges: list[tuple[str, str]]) -> None:
    """No two of them overlap."""
    column = {name: ord(name) % 2 for edge in edges for name in edge}
    found = heights(column, edges, 10)
    for at in (0, 1):
        line = sorted(found[name] for name in column if column[name] == at)
        assert all(below - above >= 10 - 1e-6 for above, below in pairwise(line))
