"""`export` and `import`: what is written, what is said, and with which exit code."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

OK, BROKEN, TOLD = (f"{number:032x}" for number in (1, 2, 3))


def ids(lines: str) -> list[str]:
    """The traces of native lines, in order."""
    return [json.loads(line)["trace_id"] for line in lines.splitlines()]


@pytest.mark.usefixtures("filled")
def test_everything_goes_out_oldest_first(run: Any) -> None:
    """Standard output holds the lines and nothing else."""
    ran = run("export", "--all")
    assert (ran.code, ran.err) == (0, "")
    assert ids(ran.out) == [OK, BROKEN, TOLD]


@pytest.mark.usefixtures("filled")
def test_named_traces_go_out_once(run: Any) -> None:
    """In the order of their names; naming one twice changes nothing."""
    assert ids(run("export", TOLD, OK, TOLD).out) == [TOLD, OK]


@pytest.mark.usefixtures("filled")
def test_an_unknown_trace_stops_before_anything_is_written(run: Any, tmp_path: Path) -> None:
    """A wrong id gives no half file."""
    ran = run("export", OK, "ffff", "-o", tmp_path / "out.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: There is no trace ffff")
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.usefixtures("filled")
def test_files_are_compressed_by_their_name(run: Any, tmp_path: Path) -> None:
    """The same lines, plain and gzip; how many is told on standard error."""
    out = run("export", "--all").out
    ran = run("export", "--all", "-o", tmp_path / "all.jsonl.gz")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"3 traces written to {tmp_path / 'all.jsonl.gz'}.\n"
    assert gzip.decompress((tmp_path / "all.jsonl.gz").read_bytes()).decode() == out


def test_nothing_to_export_is_said(run: Any) -> None:
    """An empty export is empty, and people are told why."""
    ran = run("export", "--all")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("There are no traces yet.")


@pytest.mark.usefixtures("filled")
def test_export_and_import_meet(run: Any, tmp_path: Path) -> None:
    """What one writes the other reads, to the same bytes, also through a file and twice."""
    out = run("export", "--all").out
    path = tmp_path / "all.jsonl"
    path.write_text(out)
    other = ("--db", str(tmp_path / "other.db"))
    ran = run("import", "-", *other, "--json", given=out.encode())
    assert (ran.code, ran.err) == (0, "")
    assert ran.answer == {"added": 3, "skipped": 0, "spans": 15, "bad": []}
    assert run("export", "--all", *other).out == out
    ran = run("import", path, "--file", path, *other)
    assert ran.out == ("0 traces with 0 spans added, 6 skipped (already there), 0 bad lines.\n")


@pytest.mark.usefixtures("filled")
def test_bad_lines_are_named(run: Any, tmp_path: Path) -> None:
    """Good lines are in; bad ones are told by file, line and reason; the exit code is 2."""
    good = run("export", "--all").out
    path = tmp_path / "mixed.jsonl"
    path.write_text("{}\n" + good + "nonsense\n")
    ran = run("import", path, "--json", "--db", tmp_path / "other.db")
    assert ran.code == 2
    answer = ran.answer
    assert (answer["added"], answer["spans"]) == (3, 15)
    assert [(bad["file"], bad["line"]) for bad in answer["bad"]] == [(str(path), 1), (str(path), 5)]
    assert answer["bad"][0]["reason"] == 'format must be "clustertrace/1", not null'
    assert 'line 1: format must be "clustertrace/1", not null' in ran.err


def test_many_bad_lines_are_counted(run: Any) -> None:
    """People see the first ten and how many more there are; JSON has all of them."""
    ran = run("import", given=b"x\n" * 25)
    assert (ran.code, ran.err.count("\n")) == (2, 11)
    assert ran.err.endswith("… and 15 more bad lines.\n")
    assert ran.out.endswith("25 bad lines.\n")
    assert len(run("import", "--json", given=b"x\n" * 25).answer["bad"]) == 25


def test_all_files_are_looked_at_first(run: Any, tmp_path: Path) -> None:
    """If one of several files is missing, none is imported and no database is made."""
    (tmp_path / "a.jsonl").write_bytes(b"")
    ran = run("import", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert "There is no file" in ran.err
    assert not (tmp_path / "traces.db").exists()


def test_where_the_database_is(run: Any, tmp_path: Path) -> None:
    """The environment's, or the one that is named; asking doesn't make it."""
    assert run("db-path").out == f"{tmp_path / 'traces.db'}\n"
    assert run("db-path", "--db", "x.db").out == f"{Path('x.db').absolute()}\n"
    assert run("db-path", "--json").answer == {"db_path": str(tmp_path / "traces.db")}
    assert list(tmp_path.iterdir()) == []
