"""The text index is made of parts; whatever becomes of these, it finds just what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clustertrace.filters import Filter, parse
from clustertrace.filters.tree import Until
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store, queries
from clustertrace.store.sqlite import text_index, text_parts
from clustertrace.store.upkeep import retention

pytestmark = pytest.mark.sqlite("the parts of its index")

SECOND = 10**9
A_PART = 10


@pytest.fixture
def runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Forty-five runs of one span, the oldest first, in parts of ten; each has its own word."""
    monkeypatch.setattr(text_parts, "SPANS", A_PART)
    for number in range(45):
        write(store, number, f"common word{number:02}")
    store.refresh()
    return store


def write(store: Store, number: int, text: str, *, trace: int | None = None) -> None:
    """Store a run of one span that began at a second."""
    trace_id = f"{1 + number if trace is None else trace:032x}"
    at = (1_000_000 + number) * SECOND
    span = Span(trace_id, f"{1 + number:016x}", None, "run", "agent", "ok", at, at + SECOND, text)
    tags = {"half": "even" if number % 2 == 0 else "odd"}
    store.write(Batch([span], [TraceFacts(trace_id, tags=tags)]))


def before(number: int) -> Filter:
    """The runs before one."""
    return Until((1_000_000 + number) * SECOND)


def words(store: Store, query: str = "common", **more: int) -> list[str]:
    """The marked and other words of what is found, newest first."""
    with store.read() as conn:
        page = queries.search(conn, query, **{"limit": 100, **more})  # type: ignore[arg-type]
    return [hit.snippet.replace("\x02", "").replace("\x03", "") for hit in page.hits]


def numbers(found: list[str]) -> list[int]:
    """Which runs were found."""
    return [int(text.strip('"').removeprefix("common word")) for text in found]


def parts(store: Store) -> list[int]:
    """The parts that there are, oldest first."""
    with store.read() as conn:
        return [part.number for part in reversed(text_parts.every(conn))]


def checked(store: Store) -> None:
    """The index holds just the words of the spans."""
    with store.writing() as conn:
        text_index.check(conn)


def broken_off(store: Store, where: Filter, after: int = 1) -> None:
    """Begin to delete, and stop after some slices."""
    going: Iterator[retention.Retired] = retention.retire(store, where)
    for _ in range(after):
        next(going)
    going.close()  # type: ignore[attr-defined]


def test_search_goes_through_all_parts(runs: Store) -> None:
    """Newest first, and page by page, as if it were one index."""
    assert parts(runs) == [0, 1, 2, 3, 4]
    assert numbers(words(runs)) == list(range(44, -1, -1))
    assert numbers(words(runs, limit=10, offset=3)) == list(range(41, 31, -1))
    assert numbers(words(runs, "word07 OR word31")) == [31, 7]
    assert words(runs, limit=10, offset=45) == []
    with runs.read() as conn:
        assert queries.facets(conn, "common").kinds == {"agent": 45}
        assert queries.traces(conn, parse("text:word07")).total == 1


def test_a_filter_by_words_before_there_is_any(store: Store) -> None:
    """An index without a part finds nothing."""
    with store.read() as conn:
        assert queries.traces(conn, parse("text:word")).total == 0


def test_parts_of_which_nothing_is_left_go(runs: Store) -> None:
    """Deleting the oldest runs drops whole parts, and builds one anew or takes some words out."""
    list(retention.retire(runs, before(27)))
    assert parts(runs) == [2, 3, 4]
    assert numbers(words(runs)) == list(range(44, 26, -1))
    checked(runs)


def test_the_newest_part_can_be_emptied_and_filled_again(runs: Store) -> None:
    """What comes after everything was deleted is found."""
    list(retention.retire(runs, parse("")))
    assert words(runs) == []
    write(runs, 50, "common word50")
    runs.refresh()
    assert numbers(words(runs)) == [50]
    checked(runs)


def test_few_of_each_part_are_taken_out_by_their_words(runs: Store) -> None:
    """Where most of a part stays it is not built anew."""
    where = " or ".join(f"text:word{number}" for number in ("03", "13", "14", "44"))
    list(retention.retire(runs, parse(where)))
    assert parts(runs) == [0, 1, 2, 3, 4]
    assert len(words(runs)) == 41
    with runs.read() as conn:
        assert {part.generation for part in text_parts.every(conn)} == {0}
        assert text_index.left(conn) == 0
    checked(runs)


def test_half_of_each_part(runs: Store) -> None:
    """Whichever way is taken, the rest is found, and nothing else."""
    list(retention.retire(runs, parse("tag.half:odd")))
    assert numbers(words(runs)) == list(range(44, -1, -2))
    checked(runs)


@pytest.mark.parametrize("where", [before(27), parse("tag.half:even"), parse("text:common")])
def test_what_is_deleted_is_nowhere_in_the_file(runs: Store, where: Filter) -> None:
    """Neither in the index, nor in pages that are free: the words have left."""
    with runs.read() as conn:
        gone = [row.first_prompt for row in queries.traces(conn, where, limit=50).rows]
    assert len(gone) > 20
    list(retention.retire(runs, where))
    runs.close()
    for suffix in ("", "-wal"):
        path = Path(f"{runs.path}{suffix}")
        held = path.read_bytes() if path.exists() else b""
        assert [text for text in gone if text is not None and text.encode() in held] == []


def test_a_deletion_that_is_broken_off(runs: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone is not found, though its words are still there; `finish` takes them out."""
    monkeypatch.setattr(retention, "_FEWEST", 5)
    broken_off(runs, before(27), after=2)
    with runs.read() as conn:
        assert text_index.left(conn) == 3
        assert queries.facets(conn, "common").looked_at == 30
        assert queries.traces(conn, parse("text:common")).total == 30
    assert numbers(words(runs)) == list(range(44, 14, -1))
    assert not runs.tidy_text()  # It may be that another process still deletes.
    with runs.read() as conn:
        assert text_index.left(conn) == 3
    retention.finish(runs)
    with runs.read() as conn:
        assert text_index.left(conn) == 0
    assert parts(runs) == [1, 2, 3, 4]
    assert numbers(words(runs)) == list(range(44, 14, -1))
    checked(runs)


def test_a_span_that_changes_while_its_part_is_built_anew(runs: Store) -> None:
    """Its old words go from what has been built already, too."""
    with runs.writing() as conn:
        conn.run("UPDATE span_index_parts SET stale = 1 WHERE number = 1")
        text_index.tidy(conn, 6)
        (part,) = (one for one in text_parts.every(conn) if one.number == 1)
        assert part.built_to == 16
    write(runs, 11, "common word61 and more")  # It is number 12, and built already.
    write(runs, 18, "common word68 and more")  # And this one is not.
    runs.refresh()
    retention.finish(runs)
    assert words(runs, "word11 OR word18") == []
    assert len(words(runs, "word61 OR word68")) == 2
    assert len(words(runs)) == 45
    checked(runs)


def test_a_part_that_is_still_filled_is_built_anew(runs: Store) -> None:
    """What comes meanwhile is found, before and afterwards."""
    with runs.writing() as conn:
        conn.run("UPDATE span_index_parts SET stale = 1 WHERE number = 4")
        text_index.tidy(conn, 2)
    write(runs, 45, "common word45")
    runs.refresh()
    assert numbers(words(runs))[0] == 45
    retention.finish(runs)
    write(runs, 46, "common word46")
    runs.refresh()
    assert numbers(words(runs)) == list(range(46, -1, -1))
    checked(runs)


def test_pages_are_asked_for_again_when_a_deletion_has_ended(
    runs: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Normally SQLite gives none back by itself; one that was killed leaves that for a while."""
    monkeypatch.setattr(retention, "_FEWEST", 5)
    broken_off(runs, before(27))
    assert auto_vacuum(runs) == 2
    with runs.writing() as conn:
        conn.run("PRAGMA auto_vacuum = FULL")
    with Store.open(runs.path) as other:
        assert auto_vacuum(other) == 1  # It may be that another process still deletes.
    with runs.writing() as conn:
        conn.run("UPDATE state SET value = 0 WHERE key = 'deletion_ns'")
    with Store.open(runs.path) as other:
        assert auto_vacuum(other) == 2


def auto_vacuum(store: Store) -> int:
    """The mode: 1 is FULL, 2 is INCREMENTAL."""
    with store.read() as conn:
        conn.value("SELECT count(*) FROM state")  # So that it is the mode of now.
        return int(conn.value("PRAGMA auto_vacuum"))
