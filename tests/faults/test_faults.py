"""Disks, folders, files and clocks that go wrong: nothing that was promised is lost with them."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clustertrace.cli import main
from clustertrace.errors import StoreError, StoreTooNew
from clustertrace.model import Batch, Span
from clustertrace.record import spool as spooling
from clustertrace.record.spool import spool
from clustertrace.store import Store, queries
from clustertrace.store.upkeep.checking import check
from tests.ingest.conftest import otlp, running

JSON = {"Content-Type": "application/json"}


def stored(db: Path) -> set[str]:
    """The ids of all traces; and the database is sound."""
    with Store.open(db) as store:
        store.refresh()
        assert check(store).sound
        with store.read() as conn:
            return {trace.trace_id for trace in queries.export(conn)}


@pytest.mark.slow
def test_a_receiver_survives_its_disk_and_its_folder(tmp_path: Path) -> None:
    """Full, then free again; the folder taken away; the schema changed: 200 means stored."""
    db = tmp_path / "home" / "traces.db"
    with running(db) as receiver:
        pid, number = receiver.process.pid, 0
        kept: set[str] = set()

        def send() -> int:
            nonlocal number
            number += 1
            fields = {"attributes": [{"key": "input.value", "value": {"stringValue": "w " * 9000}}]}
            body = otlp(20, number, **fields)
            answer = receiver.http.post("/v1/traces", content=body, headers=JSON)
            if answer.status_code == 200:
                kept.add(f"{number:032x}")
            else:
                assert answer.headers["retry-after"]
                assert "free some disk space" in answer.json()["message"]
            return answer.status_code

        assert send() == 200
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1_000_000, -1))
        while send() == 200:
            pass
        assert "free some disk space" in receiver.health()["trouble"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        assert send() == 200
        assert receiver.health()["status"] == "ok"
        assert kept <= stored(db)

        shutil.rmtree(db.parent)
        kept.clear()
        assert send() == 200
        assert stored(db) == kept

        newer = sqlite3.connect(db, isolation_level=None)
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.execute("CREATE TABLE of_tomorrow (a)")
        newer.close()
        answer = receiver.http.post("/v1/traces", content=otlp(1, 99), headers=JSON)
        assert answer.status_code == 503
    assert "newer clustertrace" in answer.json()["message"]


def test_a_database_that_was_replaced_is_opened_anew(store: Store, empty_database: Path) -> None:
    """What is written goes into the file that has the name now, and so does what is read."""
    span = Span("1" * 32, "1" * 16, None, "a", "tool", "ok", 1, 2)
    store.write(Batch([span], []))
    for path in store.path.parent.glob("traces.db*"):
        path.rename(path.with_name(f"old-{path.name}"))
    shutil.copy(empty_database, store.path)
    with store.read() as conn:
        assert conn.value("SELECT count(*) FROM spans") == 0
    store.write(Batch([span._replace(trace_id="2" * 32)], []))
    assert stored(store.path) == {"2" * 32}


def test_an_older_program_stops_at_a_newer_schema(store: Store) -> None:
    """Also where the newer one came while the older was running."""
    with store.writing() as conn:
        conn.run("CREATE TABLE of_today (a)")
    store.write(Batch([Span("1" * 32, "1" * 16, None, "a", "tool", "ok", 1, 2)], []))
    with store.writing() as conn:
        conn.run("UPDATE alembic_version SET version_num = '9999'")
        conn.run("CREATE TABLE of_tomorrow (a)")
    with pytest.raises(StoreTooNew, match="upgrade with"):
        store.write(Batch([], []))
    with pytest.raises(StoreTooNew, match="upgrade with"):
        store.refresh()


def test_a_clock_that_was_set_back_holds_nothing_up(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace that came while the clock was a day ahead is settled by the receiver at once."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 86_400 * 10**9)
    store.write(Batch([Span("1" * 32, "1" * 16, None, "a", "tool", "ok", 1, 2)], []))
    monkeypatch.setattr(time, "time_ns", real)
    assert store.settle() == 1
    assert store.settle() == 0


def test_one_file_of_spans_that_cannot_be_read_costs_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment of another user is passed over; the others are read."""
    store.spool.mkdir()
    line = '{"type":"span","trace_id":"%s","span_id":"%s","name":"a","start_time_unix_nano":1}\n'
    for name in ("1", "2"):
        (store.spool / f"{name}.jsonl").write_text(line % (name * 32, name * 16))
    opened = Path.open

    def closed(path: Path, *arguments: Any, **more: Any) -> Any:
        if path.name == "1.jsonl":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **more)

    monkeypatch.setattr(Path, "open", closed)
    assert store.drain().spans == 1
    assert (store.spool / "1.jsonl").exists()


def test_a_spool_that_cannot_be_cleared_is_said(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spool that can't be cleared is told in a sentence, with what to do."""
    store.spool.mkdir()
    (store.spool / "1.jsonl").write_text("\n")

    def refuse(*_arguments: Any, **_more: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match="give yourself permission"):
        store.drain()


def test_a_segment_of_nonsense_costs_its_lines_only(store: Store) -> None:
    """Bytes of chance, halves of lines and no end: counted, thrown away, and nothing else lost."""
    store.spool.mkdir()
    line = b'{"type":"span","trace_id":"%s","span_id":"%s","name":"a","start_time_unix_nano":1}\n'
    noise = random.Random(1).randbytes(100_000).translate(None, b"\r\n")
    good = [line % (b"%x" % n * 32, b"%x" % n * 16) for n in (1, 2, 3)]
    torn = good[0][: len(good[0]) // 2]
    (store.spool / "1.jsonl").write_bytes(
        good[0] + noise + b"\n" + b"[" * 50_000 + b"\n" + good[1] + torn + good[2] + noise
    )
    drained = store.drain()
    assert (drained.spans, drained.bad_lines) == (2, 4)
    assert list(store.spool.glob("*.jsonl")) == []


def test_beginnings_that_a_kill_left_are_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next program that records clears old half-made files, and leaves the young ones."""
    folder = tmp_path / "traces.db.spool"
    folder.mkdir()
    young, old = folder / "young.new", folder / "old.new"
    for path in (young, old):
        path.touch()
    os.utime(old, (0, 0))
    spool.append(b"{}\n")
    assert young.exists()
    assert not old.exists()
    assert spooling.SEGMENT_BYTES


@pytest.mark.parametrize("damage", ["header", "pages"])
def test_a_damaged_database_is_set_aside_when_asked(
    store: Store, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands leave it as it is and say how; `doctor --set-aside` keeps every byte elsewhere."""
    store.write(Batch([Span("1" * 32, "1" * 16, None, "a", "tool", "ok", 1, 2)], []))
    path = store.path
    store.close()
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:100] = b"x" * 100
    else:
        data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(data)
    assert main(["stats"]) == 2
    assert "doctor --set-aside" in capsys.readouterr().err
    assert main(["doctor"]) == 1
    assert path.read_bytes() == bytes(data)
    main(["doctor", "--set-aside"])
    assert "was set aside as" in " ".join(capsys.readouterr().out.split())
    (kept,) = path.parent.glob("traces.db.damaged-*")
    assert kept.read_bytes() == bytes(data)
    assert not path.exists()
    with Store.open(path) as anew:
        assert check(anew).sound


def test_another_programs_database_is_never_moved(
    tmp_path: Path, run_doctor: Callable[..., int]
) -> None:
    """A sound database of another program is refused, and left where it is."""
    theirs = sqlite3.connect(tmp_path / "traces.db")
    theirs.execute("CREATE TABLE theirs (a)")
    theirs.close()
    assert run_doctor("--set-aside") == 1
    assert (tmp_path / "traces.db").exists()


@pytest.fixture
def run_doctor() -> Callable[..., int]:
    """The doctor's exit code."""
    return lambda *options: main(["doctor", *options])
