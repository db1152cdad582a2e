"""Checking a database: totals worked out anew, and every kind of difference found."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clustertrace.errors import StoreError
from clustertrace.model import Batch, Span, TraceFacts
from clustertrace.store import Store
from clustertrace.store.upkeep import checking
from clustertrace.store.upkeep.checking import check


@pytest.fixture
def filled(store: Store, make_trace: Callable[..., list[Span]]) -> Store:
    """Runs of two patterns and one session, with calls that cost something."""
    for number in range(1, 7):
        spans = make_trace(number, "search", *["fetch"] * (number % 3), failed=number == 2)
        call = spans[1]._replace(
            kind="llm", model="gpt-4o-mini", provider="openai", input_tokens=900, output_tokens=9
        )
        facts = TraceFacts(spans[0].trace_id, session_id="talk", tags={"service": "shop"})
        store.write(Batch([spans[0], call, *spans[2:]], [facts]))
    store.refresh()
    return store


@pytest.mark.sqlite("its file")
def test_a_sound_database_is_found_sound(filled: Store) -> None:
    """Everything agrees, nothing was changed, and no copy is left."""
    before = filled.path.read_bytes()
    found = check(filled)
    assert (found.sound, found.traces, found.spans) == (True, 6, 18)
    assert filled.path.read_bytes() == before
    assert [path for path in filled.path.parent.iterdir() if path.is_dir()] == []


def test_a_server_s_database_is_checked_in_a_file(
    migrated_url: str, make_trace: Callable[..., list[Span]], tmp_path: Path, monkeypatch: Any
) -> None:
    """Totals and words are compared as in a file's database, and no copy is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Store.open(migrated_url) as server:
        server.write(Batch([*make_trace(1, "search"), *make_trace(2, "search", failed=True)], []))
        server.refresh()
        found = check(server)
        assert (found.sound, found.traces, found.spans) == (True, 2, 4)
        with server.writing() as conn:
            conn.run("UPDATE variant_days SET failed = failed + 1")
        assert list(check(server).differing) == ["variant_days"]
        with server.writing() as conn:
            conn.run("UPDATE spans SET name = 'nobody told the index' WHERE name = 'search'")
        assert not check(server).index_agrees
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_sound(store: Store) -> None:
    """There is nothing that could differ."""
    assert check(store).sound


@pytest.mark.parametrize(
    ("fault", "table"),
    [
        ("UPDATE variant_days SET failed = failed + 1", "variant_days"),
        ("UPDATE variant_days SET cost_usd = cost_usd * 1.01", "variant_days"),
        ("UPDATE variant_totals SET last_day = last_day + 1", "variant_totals"),
        ("DELETE FROM variant_durations", "variant_durations"),
        ("INSERT INTO sessions VALUES ('nobody', 1, 0, 0.0, 1, 1)", "sessions"),
        ("UPDATE traces SET duration_ns = 1", "traces"),
        ("UPDATE spending SET calls = 0 WHERE dimension = 'model'", "spending"),
        ("DELETE FROM trace_spending", "trace_spending"),
        ("DELETE FROM trace_traits", "trace_traits"),
        ("UPDATE variants SET name = 'other'", "variants"),
        (
            "INSERT INTO prompts SELECT trace_id, 1, 1, 1, 'x', 1, 1, 1, NULL, NULL, 'x'"
            " FROM traces",
            "prompts",
        ),
    ],
)
def test_a_total_that_is_wrong_is_found(filled: Store, fault: str, table: str) -> None:
    """A wrong total is found in whichever table it stands, and only there."""
    with filled.writing() as conn:
        conn.run(fault)
    found = check(filled)
    assert not found.sound
    assert list(found.differing) == [table]


@pytest.mark.sqlite("its pages and its copy")
def test_words_that_the_index_does_not_hold_are_found(filled: Store) -> None:
    """A span that was changed behind the index's back."""
    with filled.writing() as conn:
        conn.run("UPDATE spans SET error_message = 'nobody told the index' WHERE seq = 1")
    assert not check(filled).index_agrees


@pytest.mark.sqlite("its pages")
def test_damaged_pages_are_told(filled: Store) -> None:
    """A page full of nonsense is damage, told in SQLite's words; the file stays as it is."""
    with filled.read() as conn:
        page = conn.value("SELECT rootpage FROM sqlite_master WHERE name = 'trace_tags_value'")
    filled.close()
    data = bytearray(filled.path.read_bytes())
    data[4096 * (page - 1) : 4096 * page] = b"\xa5" * 4096
    filled.path.write_bytes(data)
    with Store.open(filled.path) as damaged:
        found = check(damaged)
    assert found.damage
    assert not found.sound
    assert filled.path.read_bytes() == bytes(data)


@pytest.mark.sqlite("its pages and its copy")
def test_a_disk_without_room_is_said(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy needs room: without it nothing is begun."""
    room = type("Usage", (), {"free": 10})
    monkeypatch.setattr(checking.shutil, "disk_usage", lambda _folder: room)
    with pytest.raises(StoreError, match="free some space"):
        check(filled)
