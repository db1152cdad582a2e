"""Spans by the month in which they came: numbers, partitions, and months that go as a whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clustertrace.filters import parse
from clustertrace.model import Batch, Span
from clustertrace.store import Store, queries
from clustertrace.store.postgres import months
from clustertrace.store.upkeep.copying import copy
from clustertrace.store.upkeep.retention import retire

SECOND = 10**9
DECEMBER = 12 * 56 + 11
"""Of 2026, counted from 1970."""

Clock = Callable[[int, int], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the month in which spans come."""

    def turn(year: int, month: int) -> None:
        moment = int(datetime(year, month, 7, tzinfo=UTC).timestamp()) * SECOND
        monkeypatch.setattr(months, "time_ns", lambda: moment)

    return turn


@pytest.fixture
def store(migrated_url: str) -> Iterator[Store]:
    """An empty database of PostgreSQL's."""
    with Store.open(migrated_url) as opened:
        yield opened


def run(number: int, month: int, steps: int = 3) -> Batch:
    """A run that began in a month of 2026, on the day that its number ends with."""
    day = number % 10 or 10
    start = int(datetime(2026, month, day, tzinfo=UTC).timestamp()) * SECOND
    root = Span(f"{number:032x}", f"{1:016x}", None, f"agent {number}", "agent", "ok", start, start)
    calls = [
        root._replace(span_id=f"{at:016x}", parent_span_id=root.span_id, name="tool", kind="tool")
        for at in range(2, steps + 1)
    ]
    return Batch([root, *calls], [])


def parts(store: Store) -> dict[str, int]:
    """How many spans each partition holds."""
    with store.read() as conn:
        rows = conn.rows("SELECT tableoid::regclass::text, count(*) FROM spans GROUP BY 1")
    return dict(rows)


def partitions(store: Store) -> set[str]:
    """The months that there are."""
    with store.read() as conn:
        return {months._partition_name("spans", month) for month in months._months(conn)}  # type: ignore[arg-type]


def found(store: Store, word: str) -> int:
    with store.read() as conn:
        return len(queries.search(conn, word).hits)


def fill(store: Store, clock: Clock) -> None:
    """Three runs a month from October on; the first makes the month, and lies in the one before."""
    for month in (10, 11, 12):
        clock(2026, month)
        for number in (1, 2, 3):
            store.write(run(month * 10 + number, month))
    store.refresh()


def test_a_month_has_a_partition(store: Store, clock: Clock) -> None:
    """The batch that finds a new month makes it, those behind it lie there; numbers only rise."""
    fill(store, clock)
    assert parts(store) == {
        "spans_before": 3,
        "spans_2026_10": 9,
        "spans_2026_11": 9,
        "spans_2026_12": 6,
    }
    with store.read() as conn:
        came = [row[0] for row in conn.rows("SELECT seq FROM spans ORDER BY start_ns, span_id")]
        assert conn.last_number() >> months.BITS == DECEMBER
    assert came == sorted(came)
    clock(2026, 11)  # a clock that goes back
    store.write(run(200, 11))
    assert parts(store)["spans_2026_12"] == 9
    assert months.month_of(0) == 0


def test_a_span_that_comes_again_in_another_month_is_one(store: Store, clock: Clock) -> None:
    """A copy is known in whichever month the first came; a fuller one takes its place."""
    fill(store, clock)
    clock(2027, 1)
    for _ in range(2):
        batch = run(101, 10)
        store.write(Batch([batch.spans[0]._replace(output="done"), *batch.spans[1:]], []))
    with store.read() as conn:
        rows = conn.rows("SELECT output FROM spans WHERE trace_id = ?", (bytes(15) + b"\x65",))
    assert sorted(rows, key=str) == [('"done"',), (None,), (None,)]


def test_an_old_month_goes_as_a_whole(store: Store, clock: Clock) -> None:
    """Its partitions are gone, with all that was known of its runs; the others are as before."""
    fill(store, clock)
    assert found(store, "agent") == 9
    gone = list(retire(store, parse("until:2026-11-02")))
    assert sum(one.traces for one in gone) == 4
    assert partitions(store) == {"spans_2026_11", "spans_2026_12"}
    with store.read() as conn:
        assert not conn.has_table("span_index_2026_10")
        assert queries.traces(conn).total == 5
        assert queries.overview(conn).spans == 15
    assert found(store, "agent") == 5


def test_a_month_with_a_run_that_stays_stays(store: Store, clock: Clock) -> None:
    """A late run's, or one that the filter leaves: the others' spans go one by one."""
    fill(store, clock)
    list(retire(store, parse('until:2026-11-02 not name:"agent 102"')))
    assert parts(store)["spans_2026_10"] == 3
    assert found(store, "agent") == 6


def test_a_month_that_others_read_is_not_waited_for(store: Store, clock: Clock) -> None:
    """Then its spans go one by one, and the empty month with the next deletion."""
    fill(store, clock)
    with store.read() as conn:
        conn.rows("SELECT count(*) FROM spans")
        list(retire(store, parse("until:2026-11-02")))
        assert "spans_2026_10" in partitions(store)
    assert parts(store).keys() == {"spans_2026_11", "spans_2026_12"}
    list(retire(store, parse("until:2026-11-02")))
    assert partitions(store) == {"spans_2026_11", "spans_2026_12"}


def test_this_month_is_never_dropped(store: Store, clock: Clock) -> None:
    """New spans have a place also where everything is deleted."""
    fill(store, clock)
    list(retire(store, parse("until:2027-01-01")))
    assert partitions(store) == {"spans_2026_12"}
    store.write(run(300, 12))
    assert parts(store) == {"spans_2026_12": 3}


def test_a_batch_that_makes_a_month_and_fails_leaves_none(store: Store, clock: Clock) -> None:
    """Numbers go on in the month before until the new one is there to stay."""
    fill(store, clock)
    clock(2027, 1)
    with suppress(ZeroDivisionError), store.writing() as conn:
        conn.numbers(1)
        raise ZeroDivisionError
    assert "spans_2027_01" not in partitions(store)
    for number in (301, 302):
        store.write(run(number, 12))
    assert parts(store)["spans_2027_01"] == 3


def test_receivers_meet_at_the_turn_of_a_month(migrated_url: str, clock: Clock) -> None:
    """However many find the new month at once: nothing is lost, and no number given twice."""
    clock(2026, 12)
    mishaps: list[BaseException] = []

    def receive(first: int) -> None:
        try:
            with Store.open(migrated_url) as store:
                for number in range(first, first + 20):
                    store.write(run(number, 12))
        except BaseException as error:
            mishaps.append(error)

    threads = [threading.Thread(target=receive, args=(first,)) for first in (1, 101, 201, 301)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mishaps == []
    with Store.open(migrated_url) as store, store.read() as conn:
        assert conn.row("SELECT count(*), count(DISTINCT seq) FROM spans") == (240, 240)
        assert sum(parts(store).values()) == 240


def test_a_shard_keeps_its_own_numbers(store: Store, clock: Clock) -> None:
    """Of three shards each gives every third number, in every month."""
    with store.writing() as conn:
        conn.control("ALTER SEQUENCE span_numbers INCREMENT BY 3 RESTART WITH 2")
    fill(store, clock)
    with store.read() as conn:
        numbers = [row[0] for row in conn.rows("SELECT seq FROM spans")]
    assert {number % 3 for number in numbers} == {2}


def test_a_copy_brings_the_months_along(
    store: Store, clock: Clock, other_url: str, tmp_path: Path
) -> None:
    """Into a file, and from there to another server: number for number, month for month."""
    fill(store, clock)
    with Store.open(tmp_path / "traces.db") as file, Store.open(other_url) as there:
        copy(store, file, lambda what, rows, total: None)
        copy(file, there, lambda what, rows, total: None)
        assert parts(there) == parts(store)
        assert found(there, "agent") == 9
        there.write(run(300, 12))
        assert parts(there)["spans_2026_12"] == 9


def test_sizes_are_those_of_whole_tables(store: Store, clock: Clock) -> None:
    """Months are parts of a table, and not tables beside it."""
    fill(store, clock)
    with store.read() as conn:
        sizes = {table.name: table for table in conn.table_sizes()}
    assert sizes["spans"].rows == 27
    assert [name for name in sizes if name.startswith("spans_")] == []
    assert sizes["spans"].index_bytes > 0
