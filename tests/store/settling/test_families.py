"""Families in the store: who leads, who joins, and what keeps it so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from clustertrace.errors import UsageError
from clustertrace.exchange.native import dump_trace
from clustertrace.filters import parse
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.patterns import families
from clustertrace.store import Store, queries
from clustertrace.store.answers import Family
from clustertrace.store.upkeep.backfill import backfill_signatures

Make = Callable[..., list[Span]]


def fill(store: Store, make: Make, *runs: str, first: int = 1) -> None:
    """Store runs of these tools, one after the other; those that end in `!` failed."""
    for number, tools in enumerate(runs, first):
        failed = tools.endswith("!")
        store.write(Batch(make(number, *tools.rstrip("!").split(), failed=failed), []))
    store.refresh()


def exact(page: Sequence[Family]) -> list[Family]:
    """Leave out the choice of a run, and percentiles: without a filter a histogram gives them."""
    left_out = {"p50_ns": None, "p95_ns": None, "sample_trace_id": ""}
    return [replace(one, whole=replace(one.whole, **left_out)) for one in page]


def placed(store: Store) -> dict[str, str]:
    """Return the family of each pattern, by the pattern's id; its totals know the same."""
    with store.read() as conn:
        family_of = dict(conn.rows("SELECT variant_id, family_id FROM variants"))
        assert dict(conn.rows("SELECT variant_id, family_id FROM variant_totals")) == family_of
        return {one.id: one.family for one in queries.clusters(conn).clusters}


def test_near_patterns_share_a_family(store: Store, make_trace: Make) -> None:
    """Runs that differ in a count are one family, others another; numbers add up."""
    fill(store, make_trace, "search answer", "search search answer!", "book pay", "search answer")
    with store.read() as conn:
        page = queries.families(conn)
        first, second = page.families
        assert (page.total, page.traces, page.failed) == (2, 4, 1)
        assert (first.variants, first.whole.count, first.whole.failed) == (2, 3, 1)
        assert (second.variants, second.whole.count) == (1, 1)
        assert [step.names for step in first.whole.steps] == [("search",), ("answer",)]
        members = queries.members(conn, {first.whole.id: 100})[first.whole.id].clusters
        assert sorted(one.count for one in members) == [1, 2]
        assert {one.family for one in members} == {first.whole.id}
        assert first.whole.first_ns == min(one.first_ns for one in members)
        assert first.whole.last_ns == max(one.last_ns for one in members)
        (failed,) = [one for one in members if one.failed]
        assert first.whole.sample_trace_id == failed.sample_trace_id


def test_families_that_failed_as_often_are_ordered_by_their_rate(
    store: Store, make_trace: Make
) -> None:
    """The rate of the whole family, not that of one of its patterns."""
    fill(
        store, make_trace, "search answer!", *["search search answer"] * 4, "book pay!", "book pay"
    )
    with store.read() as conn:
        for order in ("failed", "failure_rate"):
            found = queries.families(conn, order=order).families  # type: ignore[arg-type]
            assert [(one.whole.failed, one.whole.count) for one in found] == [(1, 2), (1, 5)]


def test_the_oldest_run_leads(store: Store, make_trace: Make) -> None:
    """Runs that are settled together are placed by their start, in whatever order they came."""
    for number in (3, 2, 1):
        tools = ["search"] * number
        store.write(Batch(make_trace(number, *tools, "answer"), []))
    store.refresh()
    with store.read() as conn:
        (family,) = queries.families(conn).families
    assert [step.count for step in family.whole.steps] == ["1", "1"]


def test_a_running_trace_leads_nothing(store: Store, make_trace: Make) -> None:
    """What a run passes through on its way founds no family."""
    head, *steps = make_trace(1, "search")
    store.write(Batch([head._replace(status="running", end_ns=None), *steps], []))
    store.refresh()
    with store.read() as conn:
        assert conn.value("SELECT count(*) FROM families") == 0
    store.write(Batch([head], []))
    store.refresh()
    assert len(placed(store)) == 1


def test_families_outlive_their_leader(store: Store, make_trace: Make) -> None:
    """A late span takes the leading run elsewhere; the others stay, and it may come back."""
    fill(store, make_trace, "search answer", "search search answer")
    before = placed(store)
    late = make_trace(1, "search", "answer", "book", "pay", "fly")[4:]
    store.write(Batch(late, []))
    store.refresh()
    after = placed(store)
    assert len(set(before.values())) == 1
    stayed = set(before) & set(after)
    assert {after[one] for one in stayed} == set(before.values())
    fill(store, make_trace, "search answer", first=9)
    assert set(before.items()) <= set(placed(store).items())


def test_an_empty_family_goes(store: Store, make_trace: Make) -> None:
    """Nothing is left of a family whose last run went elsewhere."""
    fill(store, make_trace, "search answer")
    (old,) = placed(store).values()
    store.write(Batch(make_trace(1, "search", "answer", "book", "pay", "fly", "drive")[3:], []))
    store.refresh()
    (new,) = placed(store).values()
    assert new != old
    with store.read() as conn:
        assert conn.rows("SELECT family_id FROM families") == [(new,)]


def test_a_new_algorithm_places_anew_oldest_first(
    store: Store, make_trace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old families stay until they are worked out anew; then no trace of them is left."""
    fill(store, make_trace, "search search answer", first=5)
    fill(store, make_trace, "search answer", first=1)
    before = placed(store)
    backfill_signatures(store)
    assert placed(store) == before
    monkeypatch.setattr(families, "VERSION", families.VERSION + 1)
    fill(store, make_trace, "search answer", first=7)
    assert placed(store) == before
    backfill_signatures(store)
    after = placed(store)
    assert len(set(after.values())) == 1
    assert not set(after.values()) & set(before.values())
    with store.read() as conn:
        (family,) = queries.families(conn).families
        assert family.whole.steps[0].count == "1"
        assert conn.value("SELECT count(*) FROM families") == 1


def test_the_same_file_gives_the_same_families(
    store: Store, make_trace: Make, tmp_path: Path
) -> None:
    """An import of what was exported leads to the same families."""
    from clustertrace.exchange.importing import import_native
    from clustertrace.exchange.reading import open_source

    fill(store, make_trace, "search answer", "search search answer", "book pay", "search book")
    file = tmp_path / "runs.jsonl"
    with store.read() as conn:
        file.write_bytes(b"".join(dump_trace(trace) for trace in queries.export(conn)))
    with Store.open(tmp_path / "other.db") as other:
        with open_source(file) as source:
            import_native(other, source)
        other.refresh()
        assert placed(other) == placed(store)


def test_so_many_leaders_and_no_more(
    store: Store, make_trace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the most leaders of a name, each unlike variant is alone, and near ones still join."""
    monkeypatch.setattr(families, "MOST_LEADERS", 2)
    fill(store, make_trace, "a b", "c d", "e f", "e e f", "a a b")
    with store.read() as conn:
        sizes = sorted(one.variants for one in queries.families(conn).families)
    assert sizes == [1, 1, 1, 2]


def test_a_filter_counts_the_runs_that_match(store: Store, make_trace: Make) -> None:
    """Patterns and families of a filter hold its runs only, with their own durations and days."""
    fill(store, make_trace, "search answer", "search search answer!", "search answer", "book pay")
    facts = [TraceFacts(f"{3:032x}", outcome="fail")]
    store.write(Batch([], facts))
    store.refresh()
    with store.read() as conn:
        everything = queries.families(conn, parse("name:agent"))
        assert exact(everything.families) == exact(queries.families(conn).families)
        limits = {one.whole.id: 1 for one in everything.families}
        for where in (None, parse("name:agent")):
            below = queries.members(conn, limits, where)
            assert {name: (page.total, page.traces) for name, page in below.items()} == {
                one.whole.id: (one.variants, one.whole.count) for one in everything.families
            }
            assert [len(page.clusters) for page in below.values()] == [1] * len(limits)
        page = queries.clusters(conn, parse("failed:yes"))
        assert (page.total, page.traces, page.failed) == (2, 2, 2)
        failed = [one for one in page.clusters if one.failed_by_outcome]
        assert [(one.count, one.sample_trace_id) for one in failed] == [(1, f"{3:032x}")]
        assert page.clusters[0].p50_ns == 59 * 10**9
        assert queries.clusters(conn, parse("name:nobody")).clusters == ()
        with pytest.raises(UsageError):
            queries.families(conn, order="colour")  # type: ignore[arg-type]
