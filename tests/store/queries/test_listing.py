"""Lists of traces stay as quick as they are small: indexes, limits, and a last resort."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from clustertrace.errors import StoreSlow
from clustertrace.filters import parse
from clustertrace.model import TraceFacts
from clustertrace.store import filtering, queries
from clustertrace.store.connection import Params
from clustertrace.store.queries import TraceOrder, listing
from clustertrace.store.sqlite.connection import SqliteConnection, connect
from clustertrace.store.store import Store
from tests.store.conftest import batch


class Explained(SqliteConnection):
    """A connection that keeps how SQLite goes about each query of many rows."""

    def __init__(self, path: Path) -> None:
        super().__init__(connect(path, read_only=True).raw, path)
        self.plans: list[str] = []

    def rows(self, sql: str, params: Params = ()) -> list[tuple[Any, ...]]:
        """Answer, and keep the plan."""
        steps = super().rows(f"EXPLAIN QUERY PLAN {sql}", params)
        self.plans.append("; ".join(step[3] for step in steps))
        return super().rows(sql, params)


@pytest.fixture
def explained(on_sqlite: None, store: Store, make_trace: Any) -> Iterator[Explained]:
    """Four runs, and their connection."""
    for number in range(1, 5):
        facts = TraceFacts(f"{number:032x}", session_id="s", tags={"tier": "Gold"})
        store.write(batch(*make_trace(number, "search", failed=number > 2), facts=[facts]))
    store.refresh()
    conn = Explained(store.path)
    yield conn
    conn.close()


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize(
    ("order", "index"),
    [
        ("start_ns", "traces_start"),
        ("duration_ns", "traces_duration"),
        ("cost_usd", "traces_cost"),
        ("input_tokens", "traces_tokens"),
        ("span_count", "traces_spans"),
        ("name", "traces_name"),
    ],
)
def test_every_order_reads_an_index_and_sorts_nothing(
    explained: Explained, order: TraceOrder, index: str, descending: bool
) -> None:
    """A page reads as many entries as it shows, from either end."""
    page = queries.traces(explained, order=order, descending=descending)
    assert page.total == 4
    assert f"INDEX {index}" in explained.plans[0]
    assert "TEMP B-TREE" not in explained.plans[0]


def test_what_is_soon_read_as_a_whole_is_counted_as_a_whole(
    explained: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long counting may take follows from how many traces there are, not from the limit."""
    ticks = count(step=0.001)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(listing, "_COUNT_LIMITS", (2, 100_000))
    page = queries.traces(explained, parse("name:agent"), limit=1)
    assert (page.total, page.more) == (4, False)


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("failed:yes", "traces_failed"),
        ("failed:no since:2020-01-01", "traces_failed"),
        ("status:running", "traces_status"),
        ("outcome:fail", "traces_outcome"),
        ("starred:yes", "traces_starred"),
        ("session:s", "traces_session"),
        ("pattern:0", "traces_variant_start"),
        ("since:2020-01-01", "traces_start"),
        ("id:0000", "sqlite_autoindex_traces_1"),
        ("tag.tier:silver", "trace_tags_value"),
        ("name:AGENT", "traces_name"),
    ],
)
def test_common_filters_read_an_index(explained: Explained, where: str, index: str) -> None:
    """No filter of these looks at traces that it can't mean."""
    queries.traces(explained, parse(where))
    assert f"INDEX {index}" in explained.plans[0]


def test_names_are_read_in_the_order_that_is_asked_for(
    explained: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name's traces stand by their start; in another order, common ones are soon met."""
    monkeypatch.setattr(filtering, "_INDEX_LIMIT", 0)
    queries.traces(explained, parse("name:AGENT"))
    queries.traces(explained, parse("name:AGENT"), order="cost_usd")
    queries.traces(explained, parse("name:AGENT or name:other"))
    plans = [plan for plan in explained.plans if "tags" not in plan]
    indexes = [re.findall(r"INDEX (\w+)", plan) for plan in plans]
    assert indexes == [["traces_name"], ["traces_cost"], ["traces_start"]]
    assert not any("B-TREE" in plan for plan in plans)


def test_a_common_tag_is_looked_up_trace_by_trace(
    explained: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page ends early then; the answer is the same, whatever the case of the letters."""
    rare = queries.traces(explained, parse("tag.tier:Gold or tag.tier:*"))
    assert not any("CORRELATED" in plan for plan in explained.plans)
    monkeypatch.setattr(filtering, "_INDEX_LIMIT", 2)
    explained.plans.clear()
    common = queries.traces(explained, parse("tag.tier:Gold or tag.tier:*"))
    assert common == rare
    assert "CORRELATED" in explained.plans[0]
    assert queries.traces(explained, parse("tag.tier:gold")).total == 4


def test_matches_are_counted_up_to_a_limit(
    explained: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond it the page says that there are more; all traces are counted by the roll-ups."""
    monkeypatch.setattr(listing, "_COUNT_LIMITS", (2,))
    page = queries.traces(explained, parse("name:agent"), limit=1)
    assert (page.total, page.more) == (2, True)
    assert not queries.traces(explained, parse("failed:yes"), limit=1).more
    everything = queries.traces(explained, limit=1)
    assert (everything.total, everything.more) == (4, False)


def test_counting_stops_where_it_takes_long(
    explained: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says how many there are at least, and never fewer than the next page needs."""
    monkeypatch.setattr(listing, "_COUNT_LIMITS", (1, 2, 3, 100))
    monkeypatch.setattr(listing, "_COUNTING_SECONDS", -1)
    page = queries.traces(explained, parse("name:agent"), limit=1)
    assert (len(page.rows), page.total, page.more) == (1, 2, True)
    page = queries.traces(explained, parse("name:agent"), limit=1, offset=2)
    assert (len(page.rows), page.total, page.more) == (1, 4, False)


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("cost>0", "traces_cost"),
        ("duration>1s", "traces_duration"),
        ("spans>=1", "traces_spans"),
        ("input_tokens>0", "traces_tokens"),
        ("tag.tier:Gold", "trace_tags_value"),
    ],
)
def test_what_few_traces_have_is_found_by_its_index(
    explained: Explained, monkeypatch: pytest.MonkeyPatch, where: str, index: str
) -> None:
    """What many have is looked for trace by trace; the answer is the same, also of its opposite."""
    asked = (parse(where), parse(f"not {where}"))
    few = [queries.traces(explained, one) for one in asked]
    assert index in explained.plans[0]
    monkeypatch.setattr(filtering, "_INDEX_LIMIT", 0)
    explained.plans.clear()
    assert few == [queries.traces(explained, one) for one in asked]
    assert index not in explained.plans[0]


@pytest.mark.parametrize(("where", "found"), [("has(none)", 0), ("seq(search -> none)", 0)])
def test_steps_are_looked_for_in_patterns_first(
    explained: Explained, monkeypatch: pytest.MonkeyPatch, where: str, found: int
) -> None:
    """Spans are read of traces whose pattern has the steps, and of no others."""
    assert queries.traces(explained, parse(where)).total == found
    assert "traces_variant" in explained.plans[0]
    monkeypatch.setattr(filtering, "_SPAN_READ_LIMIT", 0)
    explained.plans.clear()
    assert queries.traces(explained, parse(where)).total == found
    assert "traces_start" in explained.plans[0]


@pytest.mark.parametrize(("limit", "offset"), [(3, 0), (3, 3), (2, 2), (3, 9)])
def test_the_total_does_not_depend_on_the_page(
    explained: Explained, limit: int, offset: int
) -> None:
    """Full pages, the last one and one beyond it tell the same number."""
    page = queries.traces(explained, parse("name:agent"), limit=limit, offset=offset)
    assert page.total == 4


def test_an_answer_that_takes_too_long_is_stopped(store: Store) -> None:
    """One sentence says what to do, and the connection is as good as before."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    with store.read() as conn:
        with pytest.raises(StoreSlow, match="narrow the filter"), conn.within(0.01):
            conn.value(endless)
        assert conn.value("SELECT 1") == 1


def test_what_filters_can_be_completed_with(store: Store, make_trace: Any) -> None:
    """Names, keys and values come in order, each once, and no more than asked for."""
    for number, (name, tier) in enumerate((("b", "x"), ("a", "y"), ("b", "y")), 1):
        facts = TraceFacts(f"{number:032x}", tags={"tier": tier, "area": "1"})
        store.write(batch(*make_trace(number, "search", name=name), facts=[facts]))
    store.refresh()
    with store.read() as conn:
        found: list[Sequence[str]] = [
            queries.names(conn),
            queries.tag_keys(conn),
            queries.tag_values(conn, "tier"),
            queries.tag_values(conn, "tier", 1),
            queries.tag_values(conn, "none"),
        ]
    assert found == [("a", "b"), ("area", "tier"), ("x", "y"), ("x",), ()]


def test_the_newest_of_those_that_match(explained: Explained) -> None:
    """Lines come newest first, whole traces oldest first, both so many at most."""
    rows = queries.newest(explained, parse("name:agent"), 3)
    assert [row.trace_id for row in rows] == [f"{number:032x}" for number in (4, 3, 2)]
    assert rows[0].tags == {"tier": "Gold"}
    whole = list(queries.export(explained, parse("name:agent"), newest=3))
    assert [trace.trace_id for trace in whole] == [row.trace_id for row in reversed(rows)]


def test_numbers_of_some_runs_are_those_of_all_where_all_match(explained: Explained) -> None:
    """The overview of a filter counts as the roll-ups do."""
    assert queries.overview(explained, parse("name:*")) == queries.overview(explained)
    some = queries.overview(explained, parse("failed:yes"))
    assert (some.traces, some.failed, some.failed_by_status, some.variants) == (2, 2, 2, 1)


def test_a_database_has_traces_once_one_can_be_listed(store: Store, make_trace: Any) -> None:
    """What pages ask before anything else is answered without listing any."""
    with store.read() as conn:
        assert not queries.has_traces(conn)
    store.write(batch(*make_trace(1, "search")))
    store.refresh()
    with store.read() as conn:
        assert queries.has_traces(conn)
