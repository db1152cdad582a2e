"""The schema: made once, held to the tables, and never forced on a file that is not ours."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateIndex
from sqlmodel import SQLModel

from clustertrace.errors import BadSetting, StoreCorrupt, StoreError, StoreTooNew
from clustertrace.store import Store, rows
from clustertrace.store.migrations import HEAD
from clustertrace.store.schema import tables
from clustertrace.store.sqlite import schema
from tests.store.conftest import batch, root


@pytest.mark.sqlite("its file")
def test_the_migrations_lead_to_the_tables(store: Store) -> None:
    """Columns, keys and indexes in the file are those that the tables declare."""
    declared = SQLModel.metadata.tables
    with create_engine(f"sqlite:///{store.path}", poolclass=NullPool).connect() as conn:
        found = inspect(conn)
        names = {name for name in found.get_table_names() if not name.startswith("span_index")}
        assert names - {"alembic_version"} == set(declared)
        for name, table in declared.items():
            columns = [(column["name"], column["nullable"]) for column in found.get_columns(name)]
            assert columns == [(column.name, column.nullable) for column in table.columns]
            keys = found.get_pk_constraint(name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]
    with closing(sqlite3.connect(store.path)) as raw:
        made = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql != ''")
        indexes = {name: sql for name, sql in made if not name.startswith("span_index")}
    assert indexes == {
        str(index.name): str(CreateIndex(index).compile(dialect=SQLiteDialect()))
        for table in declared.values()
        for index in table.indexes
    }


def test_rows_of_spans_have_the_columns_of_their_table() -> None:
    """What code finds in a row of `spans` by position is where the table has it."""
    assert list(rows.COLUMNS) == [
        column.name for column in SQLModel.metadata.tables["spans"].columns
    ]


def test_every_trace_table_is_keyed_by_its_trace() -> None:
    """`trace_id` leads each key of a table that holds it, so that tables can be spread by it."""
    for table in (tables.SpanRow, tables.TraceRow, tables.TagRow, tables.MetricRow):
        assert next(iter(SQLModel.metadata.tables[str(table.__tablename__)].primary_key)).name == (
            "trace_id"
        )


def test_the_newest_revision_is_the_head() -> None:
    """The constant that spares alembic at start-up names the newest revision there is."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = Path(tables.__file__).parents[1] / "migrations"
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


@pytest.mark.sqlite("its file")
def test_a_reader_that_leaves_takes_nothing_along(store: Store, tmp_path: Path) -> None:
    """Another process that opens the database and closes it leaves the log that we write to."""
    program = "import sys; from clustertrace.store import Store; Store.open(sys.argv[1]).close()"
    log = tmp_path / "traces.db-wal"
    before = log.stat().st_ino
    subprocess.run([sys.executable, "-c", program, str(store.path)], check=True)
    assert log.stat().st_ino == before


def test_files_are_private(tmp_path: Path) -> None:
    """The database and its folder can be read by their owner only."""
    path = tmp_path / "new" / "folder" / "t.db"
    with Store.open(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        for beside in path.parent.glob("t.db-*"):
            assert stat.S_IMODE(beside.stat().st_mode) == 0o600


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """A database that is up to date is opened as it is."""
    with Store.open(tmp_path / "t.db"):
        pass
    with Store.open(f"sqlite:///{tmp_path / 't.db'}") as store, store.read() as conn:
        assert conn.value("SELECT version_num FROM alembic_version") == HEAD


@pytest.mark.parametrize("content", [b"this is no database at all, but long enough" * 40, b"x"])
def test_another_kind_of_file_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is never overwritten."""
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match="CLUSTERTRACE_DB"):
        Store.open(path)
    assert path.read_bytes() == content


def test_a_foreign_database_is_refused(tmp_path: Path) -> None:
    """Another program's SQLite file is not taken over."""
    path = tmp_path / "other.db"
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE theirs (a)")
    foreign.close()
    with pytest.raises(StoreCorrupt, match="another program"):
        Store.open(path)


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    """A database of a newer program is left alone, with the way out."""
    with Store.open(tmp_path / "t.db"):
        pass
    newer = sqlite3.connect(tmp_path / "t.db")
    newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.commit()
    newer.close()
    with pytest.raises(StoreTooNew, match="pip install -U clustertrace"):
        Store.open(tmp_path / "t.db")


@pytest.mark.sqlite("its file")
def test_an_older_database_is_kept_before_it_is_migrated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of it as it was, for its owner only, made once: the older program can use it."""
    store.write(batch(root()))
    with store.writing() as conn:
        conn.run("UPDATE alembic_version SET version_num = '0000'")
    migrated: list[Path] = []
    monkeypatch.setattr(schema, "_upgrade", migrated.append)
    for _ in range(2):
        Store.open(store.path).close()
    assert migrated == [store.path, store.path]
    (kept,) = store.path.parent.glob("traces.db.schema-*")
    assert kept.name == "traces.db.schema-0000"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    copy = sqlite3.connect(kept)
    assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0000",)
    assert copy.execute("SELECT count(*) FROM spans").fetchone() == (1,)
    copy.close()


@pytest.mark.sqlite("a server's disk is its own")
def test_a_copy_that_there_is_no_room_for_takes_none(store: Store) -> None:
    """A sentence says so, the database stays as it is, and no part of a copy is left behind."""
    with store.writing() as conn:
        conn.run("UPDATE alembic_version SET version_num = '0001'")
    assert store.path.stat().st_size > 200_000
    done = open_with_room_for(200_000, store.path)
    assert "traces.db.schema-0001.new can't be written" in done
    assert not list(store.path.parent.glob("traces.db.schema-*"))
    with store.read() as conn:
        assert conn.value("SELECT version_num FROM alembic_version") == "0001"


@pytest.mark.sqlite("its file")
def test_a_database_of_the_first_schema_is_migrated(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Opened, it has the newest schema, and everything that it held; a line says what was done."""
    newer = ["spans_models", "traces_error", "traces_note", "spans_root_calls", "spans_responses"]
    store.write(batch(root()))
    store.refresh()
    with store.writing() as conn:
        for name in newer:
            conn.run(f"DROP INDEX {name}")
        durations = conn.rows("SELECT * FROM variant_durations")
        made = conn.value("SELECT sql FROM sqlite_master WHERE name = 'variant_durations'")
        conn.run("DROP TABLE variant_durations")
        conn.run(made.removesuffix("WITHOUT ROWID"))
        conn.many(
            f"INSERT INTO variant_durations VALUES ({', '.join('?' * len(durations[0]))})",
            durations,
        )
        conn.run("DROP INDEX traces_start")
        conn.run("CREATE INDEX traces_start ON traces (start_ns, trace_id)")
        conn.run("UPDATE alembic_version SET version_num = '0001'")
    with Store.open(store.path) as migrated, migrated.read() as conn:
        assert conn.value("SELECT version_num FROM alembic_version") == HEAD
        names = {row[0] for row in conn.rows("SELECT name FROM sqlite_master")}
        assert names.issuperset(newer)
        widened = {row[2] for row in conn.rows("PRAGMA index_info(traces_start)")}
        assert {"llm_calls", "lost_usd"} <= widened
        assert conn.rows("SELECT * FROM variant_durations") == durations
        assert (
            conn.value("SELECT sql FROM sqlite_master WHERE name = 'variant_durations'").strip()
            == made.strip()
        )
        assert conn.value("SELECT count(*) FROM spans") == 1
    (line,) = caplog.messages
    assert f"upgraded to schema {HEAD}" in line
    assert "kept as traces.db.schema-0001" in line


@pytest.mark.sqlite("its file")
def test_without_a_copy_nothing_is_migrated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none can be made, the database stays as it is, and why is said."""
    with store.writing() as conn:
        conn.run("UPDATE alembic_version SET version_num = '0000'")
    monkeypatch.setattr(schema, "_upgrade", lambda path: pytest.fail("migrated"))

    def refuse(*_arguments: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreError, match="without that copy"):
        Store.open(store.path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A path through a file is a sentence, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="CLUSTERTRACE_DB"):
        Store.open(tmp_path / "file" / "t.db")


def test_other_databases_are_not_pretended() -> None:
    """A URL of a database that is not supported says so."""
    with pytest.raises(BadSetting, match="mysql"):
        Store.open("mysql://somewhere/db")


@pytest.mark.sqlite("its file's rights")
def test_a_database_that_is_there_is_not_made_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may only read the file is told so by SQLite, and not that it can't be made."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", refused)
    Store.open(store.path).close()
    with pytest.raises(StoreError, match="can't be created"):
        Store.open(store.path.with_name("new.db"))


@pytest.mark.sqlite("a server's disk is its own")
def test_a_disk_that_is_full_when_a_database_is_made(tmp_path: Path) -> None:
    """A sentence says so, whichever statement met it."""
    done = open_with_room_for(20_000, tmp_path / "t.db")
    assert "can't be written" in done
    assert "free some disk space" in done


def open_with_room_for(size: int, path: Path) -> str:
    """What opening a database says where no file may grow beyond so many bytes."""
    program = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); "
        "from clustertrace.errors import StoreBusy; from clustertrace.store import Store\n"
        "try: Store.open(sys.argv[1])\n"
        "except StoreBusy as error: print(error)"
    )
    command = [sys.executable, "-c", program, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
