"""Copying a database into another: all of it, of either kind, however often it is broken off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from clustertrace.errors import StoreBusy, StoreError, UsageError
from clustertrace.exchange.exporting import Selection, export_traces
from clustertrace.model import Batch, Metric, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.upkeep.checking import check
from clustertrace.store.upkeep.copied_tables import every_table
from clustertrace.store.upkeep.copying import Copied, copy, is_unfinished
from clustertrace.store.user_entries.annotations import TraceEdit, annotate_traces
from tests.store.conftest import START, batch, root, span

Open = Callable[[str | Path], Store]
BATCH = 4


@pytest.fixture
def source(store: Store, make_trace: Callable[..., list[Span]]) -> Store:
    """Some runs with all that may hang on them, and what the user said."""
    for number in range(1, 9):
        spans = make_trace(number, "search", *["fetch"] * (number % 3), failed=number == 2)
        call = spans[1]._replace(
            kind="llm", model="gpt-4o-mini", provider="openai", input_tokens=900, output_tokens=9
        )
        facts = TraceFacts(
            spans[0].trace_id,
            session_id=f"talk-{number % 2}",
            tags={"service": "shop", "naïve": "'quoted' \\ \t line"},
            metrics=(Metric("score", 0.1 * number, START), Metric("score", -0.0, START + 1)),
        )
        payload = {"q": f"tide {number} – 100 %", "more": "\\x00 \n"}
        store.write(Batch([spans[0]._replace(input=payload), call, *spans[2:]], [facts]))
    store.refresh()
    annotate_traces(store, [f"{1:032x}"], TraceEdit(starred=True, note="look"))
    return store


@pytest.fixture
def opened() -> Iterator[Open]:
    """Open databases, which are closed in the end."""
    with ExitStack() as stack:
        yield lambda db: stack.enter_context(Store.open(db))


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody of progress."""


def copied(source: Store, target: Store) -> Copied:
    """Copy in small batches."""
    return copy(source, target, quiet, batch=BATCH)


def exported(store: Store) -> bytes:
    """Write what `export --all` writes."""
    written: list[bytes] = []
    with store.read() as conn:
        export_traces(conn, Selection(), "native", written.append)
    return b"".join(written)


def found(store: Store, words: str) -> list[str]:
    """The names of spans that a search finds."""
    with store.read() as conn:
        return sorted(hit.span_name for hit in queries.search(conn, words).hits)


def contents(store: Store) -> dict[str, Counter[tuple[object, ...]]]:
    """Every row of every table that is copied."""
    with store.read() as conn:
        return {table.name: Counter(conn.rows(*table.selection())) for table in every_table()}


def test_every_table_comes_along(source: Store, opened: Open, tmp_path: Path) -> None:
    """All rows, the same export, the same search, and totals that agree with the spans."""
    target = opened(tmp_path / "copy.db")
    done = copied(source, target)
    assert contents(target) == contents(source)
    assert exported(target) == exported(source)
    assert (done.resumed, done.rows, done.indexed) == (False, done.written, done.rows["spans"])
    assert done.rows["spans"] > 2 * BATCH
    assert found(target, "fetch") == found(source, "fetch") != []
    assert check(target).sound


def test_through_postgresql_and_back(
    source: Store, other_url: str, opened: Open, tmp_path: Path
) -> None:
    """A database that was moved to a server and back exports the same bytes."""
    server = opened(other_url)
    digests = copied(source, server).digests
    assert exported(server) == exported(source)
    assert found(server, "tide 3") == found(source, "tide 3") == ["agent"]
    back = opened(tmp_path / "back.db")
    assert copied(server, back).digests == digests
    assert exported(back) == exported(source)
    assert contents(back) == contents(source)
    assert check(back).sound


def test_a_copy_goes_on_as_a_database(
    source: Store, other_url: str, opened: Open, make_trace: Callable[..., list[Span]]
) -> None:
    """New spans of its own get numbers behind those that came, and are found."""
    server = opened(other_url)
    copied(source, server)
    server.write(batch(*make_trace(99, "forage")))
    server.refresh()
    assert found(server, "forage") == ["forage"]
    assert check(server).sound


def test_nothing_that_postgresql_cannot_hold_is_taken_for_a_difference(
    store: Store, other_url: str, opened: Open
) -> None:
    """The character NUL, in names and in keys, becomes another one there, which is the same."""
    facts = TraceFacts(root().trace_id, tags={"a\0b": "1", "ab": "2"})
    store.write(batch(root(name="an\0agent"), span(2), facts=[facts]))
    store.refresh()
    server = opened(other_url)
    copied(store, server)
    assert found(server, "agent") == ["an\ufffdagent"]


class BrokenOff(Exception):
    """As by Ctrl-C."""


def after(steps: int) -> Callable[[str, int, int], None]:
    """Break a copy off after so many steps."""
    left = iter(range(steps))

    def step(what: str, done: int, total: int) -> None:
        if next(left, None) is None:
            raise BrokenOff

    return step


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_that_was_broken_off_goes_on(
    kind: str, source: Store, opened: Open, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """At whichever step it ended, no row is brought again, and all are there in the end."""
    to = tmp_path / "t.db" if kind == "sqlite" else request.getfixturevalue("other_url")
    target = opened(to)
    for steps in (2, 3, 25, 40):
        with pytest.raises(BrokenOff):
            copy(source, target, after(steps), batch=BATCH)
        with target.read() as conn:
            assert is_unfinished(conn)
    before = {name: sum(rows.values()) for name, rows in contents(target).items()}
    done = copied(source, target)
    assert done.resumed
    assert sum(before.values()) > 0
    assert {name: done.rows[name] - before[name] for name in before} == done.written
    assert contents(target) == contents(source)
    with target.read() as conn:
        assert not is_unfinished(conn)


def test_what_changed_before_it_went_on_is_brought(
    source: Store, opened: Open, tmp_path: Path
) -> None:
    """Rows that came before the break are made those that the source has by now."""
    target = opened(tmp_path / "t.db")
    with pytest.raises(BrokenOff):
        copy(source, target, after(40), batch=BATCH)
    source.remove(f"{1:032x}")
    source.write(batch(span(7, "forage")._replace(trace_id=f"{2:032x}")))
    source.refresh()
    assert copied(source, target).resumed
    assert contents(target) == contents(source)
    assert found(target, "forage") == ["forage"]
    assert check(target).sound


def test_a_command_may_read_a_copy_that_is_not_whole(
    source: Store, opened: Open, tmp_path: Path
) -> None:
    """The text index, which went forward with what was there, holds all spans in the end."""
    target = opened(tmp_path / "t.db")

    def read(what: str, done: int, total: int) -> None:
        if what == "spans" and done > total / 2:
            target.refresh()

    copy(source, target, read, batch=BATCH)
    assert found(target, "fetch") == found(source, "fetch")
    assert check(target).sound


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_later_copy_brings_what_is_new(
    kind: str,
    source: Store,
    opened: Open,
    tmp_path: Path,
    make_trace: Callable[..., list[Span]],
    request: pytest.FixtureRequest,
) -> None:
    """New, changed and deleted runs, and nothing else is written; a third copy writes nothing."""
    to = tmp_path / "t.db" if kind == "sqlite" else request.getfixturevalue("other_url")
    target = opened(to)
    copied(source, target)
    source.remove(f"{3:032x}")
    changed = make_trace(5, "search", "fetch", "fetch")[2]._replace(output="forage", end_ns=None)
    source.write(batch(*make_trace(40, "forage"), changed._replace(end_ns=changed.start_ns + 5)))
    source.refresh()
    done = copied(source, target)
    assert not done.resumed
    assert 0 < done.written["spans"] <= 3
    assert contents(target) == contents(source)
    assert found(target, "forage") == found(source, "forage") != []
    assert exported(target) == exported(source)
    assert check(target).sound
    assert not any(copied(source, target).written.values())


def test_what_is_written_meanwhile_waits_for_the_next_copy(
    source: Store, opened: Open, tmp_path: Path, make_trace: Callable[..., list[Span]]
) -> None:
    """A copy is of one state of the source, whatever comes while it runs."""
    target = opened(tmp_path / "t.db")
    before = contents(source)
    fresh = iter([make_trace(0, "forage")])

    def write(what: str, done: int, total: int) -> None:
        for spans in fresh:
            source.write(batch(*spans))
            source.refresh()

    copy(source, target, write, batch=BATCH)
    assert contents(target) == before != contents(source)
    copied(source, target)
    assert contents(target) == contents(source)


def test_a_row_that_differs_in_the_end_is_found(
    source: Store, opened: Open, tmp_path: Path
) -> None:
    """The sums over all rows tell a single letter that is another; the next copy puts it right."""
    target = opened(tmp_path / "t.db")

    def meddle(what: str, done: int, total: int) -> None:
        if what == "spans" and done == total:
            with target.writing() as conn:
                conn.run("UPDATE spans SET error_type = 'x' WHERE seq = 3")

    with pytest.raises(StoreError, match=r"spans differs in .*copy again"):
        copy(source, target, meddle, batch=BATCH)
    copied(source, target)
    assert contents(target) == contents(source)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_copies_at_once_do_not_mix(
    kind: str, source: Store, opened: Open, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One of them goes on, the other says so and ends."""
    target = opened(tmp_path / "t.db" if kind == "sqlite" else request.getfixturevalue("other_url"))

    def other(what: str, done: int, total: int) -> None:
        if what == "spans":
            copied(source, target)

    with pytest.raises(StoreBusy, match="Another program copies into"):
        copy(source, target, other, batch=BATCH)
    assert contents(target) == contents(source)
    assert not any(copied(source, target).written.values())


@pytest.mark.parametrize("place", ["fresh.db", "used.db"])
def test_other_data_is_left_alone(place: str, source: Store, opened: Open, tmp_path: Path) -> None:
    """A database with runs of its own is refused, also when it was a copy and went on since."""
    target = opened(tmp_path / place)
    if place == "used.db":
        copied(source, target)
    target.write(batch(root(), span(2)))
    before = contents(target)
    with pytest.raises(UsageError, match=r"other data|has changed since"):
        copied(source, target)
    assert contents(target) == before


def test_a_copy_of_another_database_is_left_alone(
    source: Store, opened: Open, tmp_path: Path
) -> None:
    """What came from one database is not mixed with what another one has."""
    target, other = opened(tmp_path / "t.db"), opened(tmp_path / "o.db")
    with pytest.raises(BrokenOff):
        copy(source, target, after(30), batch=BATCH)
    with pytest.raises(UsageError, match="other data"):
        copied(other, target)


def test_a_database_is_no_copy_of_itself(source: Store) -> None:
    """A copy of a database onto itself is refused."""
    with pytest.raises(UsageError, match="the database itself"):
        copied(source, source)
