"""What is deleted is gone everywhere, and the rest is as if it had never been there."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from clustertrace.exchange.native import parse_trace
from clustertrace.filters import parse
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.upkeep import retention
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces

DEMO = Path(__file__).parents[3] / "demo" / "traces.jsonl.gz"
EVERYTHING = parse("")


def demo(store: Store, keep: Any = lambda facts: True) -> None:
    """Load the demo's traces, or those that are to be kept."""
    for line in gzip.decompress(DEMO.read_bytes()).splitlines():
        spans, facts = parse_trace(line)
        if keep(facts):
            store.write(Batch(spans, [facts]))
    store.refresh()


def answers(store: Store) -> Any:
    """Everything that the pages count."""
    with store.read() as conn:
        clusters = queries.clusters(conn).clusters
        hits = queries.search(conn, "refund", limit=500)
        return (
            queries.overview(conn),
            sorted((one.id, one.count, one.failed, one.cost_usd) for one in clusters),
            sorted(hit.span_id for hit in hits.hits),
        )


def same(left: Any, right: Any) -> bool:
    """Equal, but for the last bits of sums of money."""
    patterns = [[(*row[:3], round(row[3], 9)) for row in one[1]] for one in (left, right)]
    counts = [
        (one[0].traces, one[0].failed, one[0].spans, one[0].sessions) for one in (left, right)
    ]
    return counts[0] == counts[1] and patterns[0] == patterns[1] and left[2] == right[2]


def test_as_if_never_there(store: Store, tmp_path: Path) -> None:
    """Totals, patterns and the text index are those of a database that never had the runs."""
    demo(store)
    gone = list(retention.retire(store, parse("tag.agent:orders or tag.agent:docs")))
    with Store.open(tmp_path / "other.db") as other:
        demo(other, lambda facts: facts.tags["agent"] not in ("orders", "docs"))
        assert same(answers(store), answers(other))
        assert (
            answers(store)[0].traces
            == answers(other)[0].traces
            == 60 - sum(one.traces for one in gone)
        )
    with store.writing() as conn:
        conn.texts.check(conn)
        assert not store.place.is_file or conn.value("PRAGMA integrity_check") == "ok"


def test_a_star_that_comes_meanwhile(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is no longer meant when its turn comes stays."""
    monkeypatch.setattr(retention, "_FEWEST", 20)
    demo(store)
    slices = retention.retire(store, parse("starred:no"))
    next(slices)
    with store.read() as conn:
        newest = queries.traces(conn, limit=1).rows[0].trace_id
    annotate_traces(store, [newest], TraceEdit(starred=True))
    list(slices)
    with store.read() as conn:
        assert [row.trace_id for row in queries.traces(conn).rows] == [newest]


@pytest.mark.parametrize("where", ["text:needle", "model:gpt-4o", "name:root"])
def test_a_long_run_goes_as_a_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Also where what it is meant by stands in spans that go first."""
    monkeypatch.setattr(retention, "_FEWEST", 20)
    root = Span("ab" * 16, f"{1:016x}", None, "root", "agent", "ok", 10**18, 10**18 + 9)
    spans = [root] + [
        root._replace(span_id=f"{at:016x}", parent_span_id=root.span_id, name="step", kind="tool")
        for at in range(2, 200)
    ]
    for at in (1, 150, 199):
        spans[at - 1] = spans[at - 1]._replace(input="a needle")
    spans[1] = spans[1]._replace(kind="llm", model="gpt-4o")
    store.write(Batch(spans, []))
    store.refresh()
    assert [one.traces for one in retention.retire(store, parse(where))] == [1]
    with store.read() as conn:
        assert conn.value("SELECT count(*) FROM spans") == 0
        assert queries.overview(conn).traces == 0


def test_all_of_it(store: Store) -> None:
    """A database of which everything was deleted is empty, and its file is short again."""
    with store.read() as conn:
        empty = conn.size_bytes()
    demo(store)
    (gone,) = retention.retire(store, EVERYTHING)
    assert gone == retention.Retired(60, 484)
    with store.read() as conn:
        assert queries.overview(conn).spans == 0
        assert conn.size_bytes() < 1.3 * empty


def test_free_pages_are_given_back_many_at_a_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file shrinks by hundreds of pages in a few transactions."""
    demo(store)
    turns: list[int] = []
    monkeypatch.setattr(Store, "writing", counted(Store.writing, turns))
    with store.read() as conn:
        before = conn.size_bytes()
    list(retention.retire(store, EVERYTHING))
    with store.read() as conn:
        assert before - conn.size_bytes() > 100 * 4096
    assert len(turns) < 10


def counted(method: Any, turns: list[int]) -> Any:
    """A method that notes each of its calls."""

    def call(*args: Any) -> Any:
        turns.append(1)
        return method(*args)

    return call


@pytest.mark.sqlite("bytes that its file uses")
def test_down_to_a_size_the_oldest_runs_go(store: Store) -> None:
    """Down to a size the oldest runs go, and no more of them than it takes."""
    demo(store)
    with store.read() as conn:
        most = conn.used_bytes() * 8 // 10
        planned = retention.to_retire(conn, EVERYTHING, most)
        newest = queries.traces(conn, limit=1).rows[0].trace_id
    gone = sum(one.traces for one in retention.retire(store, EVERYTHING, most))
    assert 0 < gone < 40
    assert 0 < planned.traces < 40
    with store.read() as conn:
        assert conn.used_bytes() <= most
        assert queries.traces(conn, limit=1).rows[0].trace_id == newest


def test_a_run_without_news_never_ended(store: Store) -> None:
    """A received run without news never ended; its news counts when it comes all the same."""
    root = Span("a" * 32, "a" * 16, None, "run", "agent", "running", 1_000, None)
    store.write(Batch([root], [TraceFacts("a" * 32)]))
    store.refresh()
    assert retention.close_stale(store, 500, dry_run=False) == 0
    assert retention.close_stale(store, 2_000, dry_run=True) == 1
    with store.read() as conn:
        assert queries.trace(conn, "a" * 32).status == "running"
    assert retention.close_stale(store, 2_000, dry_run=False) == 1
    with store.read() as conn:
        assert queries.trace(conn, "a" * 32).status == "incomplete"
    store.write(Batch([root._replace(status="ok", end_ns=3_000)], []))
    store.refresh()
    with store.read() as conn:
        assert queries.trace(conn, "a" * 32).status == "ok"


@pytest.mark.parametrize("where", ["name:research_agent", "failed:yes", "cost>0.01"])
def test_what_a_dry_run_announces_is_what_goes(store: Store, where: str) -> None:
    """What a dry run announces is what goes."""
    demo(store)
    with store.read() as conn:
        planned = retention.to_retire(conn, parse(where))
    gone = list(retention.retire(store, parse(where)))
    assert planned == retention.Retired(
        sum(one.traces for one in gone), sum(one.spans for one in gone)
    )
