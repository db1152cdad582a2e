"""`db`: a database copied, described and cut down, from end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustertrace.store import Store
from clustertrace.store.place import place_of
from tests.cli.conftest import START, Run


def test_a_copy_answers_as_the_database_itself(run: Run, filled: Store, tmp_path: Path) -> None:
    """What was copied answers as the database itself, and a second copy has nothing to do."""
    to = tmp_path / "copy.db"
    ran = run("db", "copy", "--to", to)
    assert (ran.code, ran.out) == (0, "")
    assert f"{to} holds 3 traces with 15 spans now" in ran.err
    assert run("export", "--all", "--db", to).out == run("export", "--all").out != ""
    again = run("db", "copy", "--to", to, "--json").answer
    assert (again["from"], again["to"]) == (filled.place.name, str(to))
    assert {one["written"] for one in again["tables"]} == {0}
    assert {one["name"]: one["rows"] for one in again["tables"]}["spans"] == 15


def test_copy_to_a_server_and_back(run: Run, filled: Store, other_url: str, tmp_path: Path) -> None:
    """A copy to a server and back has the same bytes; neither password is shown."""
    secret = other_url.replace("@", ":hush@")
    ran = run("db", "copy", "--to", secret, "--json")
    assert ran.answer["to"] == other_url
    assert "hush" not in ran.out + ran.err
    assert run("db", "copy", "--db", secret, "--to", tmp_path / "b.db").code == 0
    assert run("export", "--all", "--db", tmp_path / "b.db").out == run("export", "--all").out


def test_other_data_is_left_alone(run: Run, filled: Store, tmp_path: Path) -> None:
    """One sentence says why nothing was copied."""
    run("import", Path(__file__).parents[2] / "demo" / "traces.jsonl.gz", "--db", tmp_path / "o.db")
    ran = run("db", "copy", "--to", tmp_path / "o.db")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "holds other data" in ran.err


def test_nothing_to_copy(run: Run, tmp_path: Path) -> None:
    """Where there is no database, none is made on either side."""
    ran = run("db", "copy", "--db", tmp_path / "none.db", "--to", tmp_path / "to.db")
    assert (ran.code, list(tmp_path.glob("*.db"))) == (2, [])
    assert run("db", "info", "--db", tmp_path / "none.db").code == 2


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_info_tells_engine_size_and_rows(
    run: Run, kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Engine, schema, size, rows, times, and what the text index lacks."""
    url = tmp_path / "t.db" if kind == "SQLite" else request.getfixturevalue("other_url")
    demo = Path(__file__).parents[2] / "demo" / "traces.jsonl.gz"
    assert run("import", demo, "--db", url).code == 0
    answer = run("db", "info", "--db", url, "--json").answer
    assert answer["database"] == place_of(url).name
    assert answer["engine"].startswith(f"{kind} ")
    assert answer["schema"].isdigit()
    tables = {one["name"]: one for one in answer["tables"]}
    assert tables["spans"]["rows"] == tables["span_index"]["rows"] == 484
    assert 0 < tables["spans"]["table_bytes"] < answer["bytes"]
    assert (answer["unindexed"], answer["copy_unfinished"]) == (0, False)
    assert answer["oldest_ns"] < answer["newest_ns"]
    shown = run("db", "info", "--db", url).out
    assert kind in shown
    assert "484" in shown


def test_info_changes_nothing(run: Run, filled: Store) -> None:
    """What waits to be settled and indexed still does, and is told."""
    answer = run("db", "info", "--json").answer
    assert (answer["unindexed"], answer["oldest_ns"]) == (15, None)
    assert "15 spans behind" in run("db", "info").out
    run("stats")
    assert run("db", "info", "--json").answer["oldest_ns"] == START + 60 * 10**9


def test_vacuum_has_two_names(run: Run, filled: Store) -> None:
    """`db vacuum` does what `vacuum` does."""
    asked = ("--older-than", "1s", "--dry-run", "--json")
    assert run("db", "vacuum", *asked).answer == run("vacuum", *asked).answer
    assert run("db", "vacuum", *asked).answer["traces"] == 3
