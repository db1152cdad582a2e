"""Populations and paths as the store hands them to the pure functions."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.patterns.divergence import divergence
from clustertrace.store import Store, queries

Make = Callable[..., list[Span]]


def fill(store: Store, make: Make, tools: str, runs: range, *, failed: bool, session: str) -> None:
    """Store runs of these tools; a session that ends in `*` is another one for each run."""
    for number in runs:
        name = session.replace("*", str(number))
        facts = TraceFacts(f"{number:032x}", outcome="fail" if failed else "pass", session_id=name)
        store.write(Batch(make(number, *tools.split()), [facts]))


def test_paths_count_every_run_and_test_one_a_session(store: Store, make_trace: Make) -> None:
    """The tree holds all finished runs of a root name; sessions count once for tests."""
    fill(store, make_trace, "a b", range(1, 11), failed=True, session="one")
    fill(store, make_trace, "a c", range(20, 40), failed=False, session="s*")
    store.write(Batch(make_trace(50, "a", "d", name="other"), []))
    store.refresh()
    with store.read() as conn:
        root = queries.paths(conn, queries.clusters(conn).clusters[0])
    assert (root.runs, root.failed, root.independent) == (30, 10, (1, 21))
    (first,) = root.children.values()
    ways = {node.step.names: (node.runs, node.failed) for node in first.ranked() if node.step}
    assert ways == {("b",): (10, 10), ("c",): (20, 0)}


def test_why_reads_the_pattern_its_family_and_its_root(store: Store, make_trace: Make) -> None:
    """The narrowest population that shows something; runs of another root stay out."""
    fill(store, make_trace, "a b", range(1, 11), failed=True, session="s*")
    fill(store, make_trace, "a b c", range(20, 40), failed=False, session="s*")
    fill(store, make_trace, "x y z", range(50, 60), failed=False, session="s*")
    store.refresh()
    with store.read() as conn:
        cluster = queries.clusters(conn).clusters[0]
        why = queries.why(conn, cluster)
    assert (why.level, why.failed, why.all_failed, why.all_passed) == ("family", 10, 10, 20)
    assert why.differences[0].failed == 10


def test_why_compares_no_runs_of_another_agent(store: Store, make_trace: Make) -> None:
    """An agent of the same root name that shares no step is left out of both sides, and told of."""
    fill(store, make_trace, "find cancel", range(1, 11), failed=True, session="s*")
    fill(store, make_trace, "SELECT SHOW", range(20, 40), failed=False, session="s*")
    store.refresh()
    with store.read() as conn:
        cluster = queries.clusters(conn).clusters[0]
        why, root = queries.why(conn, cluster), queries.paths(conn, cluster)
    assert (why.all_failed, why.all_passed, why.others_left_out) == (10, 0, True)
    assert why.differences == ()
    assert root.runs == 10


@pytest.mark.parametrize("outcome", [None, "fail"])
def test_runs_that_broke_did_not_choose_to_end_whatever_is_said_of_them(
    store: Store, make_trace: Make, outcome: str | None
) -> None:
    """An error ended them, also where an evaluation reports each run's outcome as well."""
    for number in range(1, 51):
        broke = number <= 20
        spans = make_trace(number, "a", *(() if broke else ("b",)), failed=broke)
        said = outcome and ("fail" if broke else "pass")
        store.write(Batch(spans, [TraceFacts(f"{number:032x}", outcome=said)]))
    store.refresh()
    with store.read() as conn:
        root = queries.paths(conn, queries.clusters(conn).clusters[0])
    assert (root.runs, root.failed) == (50, 20)
    assert divergence(root) is None
