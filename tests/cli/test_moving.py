"""`export` and `import`: what is written, what is said, and with which exit code."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from clustertrace.store import Store

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
    """Traces are exported in the order of their names; naming one twice changes nothing."""
    assert ids(run("export", TOLD, OK, TOLD).out) == [TOLD, OK]


@pytest.mark.usefixtures("filled")
def test_an_unknown_trace_stops_before_anything_is_written(run: Any, tmp_path: Path) -> None:
    """A wrong id gives no half file."""
    ran = run("export", OK, "ffff", "-o", tmp_path / "out.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: There is no trace ffff")
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("chosen", [["--all"], [TOLD, OK, TOLD], ["--where", "status:error"]])
def test_a_table_has_the_same_traces(run: Any, chosen: list[str], tmp_path: Path) -> None:
    """CSV and Parquet hold a row for each trace, in the same order; Parquet also through a pipe."""
    wanted = ids(run("export", *chosen).out)
    table = list(csv.DictReader(io.StringIO(run("export", *chosen, "--format", "csv").out)))
    assert [row["trace_id"] for row in table] == wanted
    run("export", *chosen, "--format", "parquet", "-o", tmp_path / "traces.parquet")
    written = pyarrow.parquet.read_table(tmp_path / "traces.parquet")
    assert written["trace_id"].to_pylist() == wanted
    assert written.column_names == list(table[0])
    assert str(written.schema.field("start").type) == "timestamp[us, tz=UTC]"


@pytest.mark.usefixtures("filled")
def test_a_folder_gets_parquet_by_day(run: Any, tmp_path: Path) -> None:
    """It is made if its name ends in a slash; what became of it is told; nothing else fits in."""
    folder = tmp_path / "runs"
    ran = run("export", "--all", "--format", "parquet", "-o", f"{folder}/")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"3 traces in {folder}: 1 day written, 0 unchanged.\n"
    [path] = folder.glob("traces/day=2025-10-09/*")
    assert pyarrow.parquet.ParquetFile(path).metadata.num_rows == 3
    [path] = folder.glob("spans/day=2025-10-09/*")
    assert pyarrow.parquet.ParquetFile(path).metadata.num_rows == 15
    ran = run("export", "--all", "--format", "parquet", "-o", folder)
    assert ran.err == f"3 traces in {folder}: 0 days written, 1 unchanged.\n"
    ran = run("export", "--where", "since:2030-01-01", "--format", "parquet", "-o", folder)
    assert "1 day there, from 2025-10-09 on, had none of these and stayed" in ran.err
    for wrong in (["--all", "--format", "csv"], [OK, "--format", "parquet"]):
        assert run("export", *wrong, "-o", folder).code == 2


@pytest.mark.usefixtures("filled")
def test_a_name_that_is_empty_is_none(run: Any) -> None:
    """An empty file name is refused, and does not mean the current folder."""
    ran = run("export", "--all", "--format", "parquet", "-o", "")
    assert (ran.code, ran.err.startswith("error: -o is empty")) == (2, True)


def test_records_and_data_points_of_otlp_are_read(run: Any, tmp_path: Path) -> None:
    """What says something of a run becomes one; what says nothing is counted, and no bad line."""

    def record(name: str, **fields: str) -> dict[str, Any]:
        attributes = {"event.name": name, "session.id": "s", **fields}
        # As Claude Code sends its telemetry without traces.
        pairs = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
        return {"timeUnixNano": "1760000000000000000", "attributes": pairs}

    scope = {"name": "com.anthropic.claude_code.events"}
    records = [record("user_prompt", **{"prompt.id": "p"}), record("plugin_loaded")]
    logs = {"resourceLogs": [{"scopeLogs": [{"scope": scope, "logRecords": records}]}]}
    metric = {"name": "sessions", "sum": {"dataPoints": [{"asInt": "1"}, {"asInt": "2"}]}}
    metrics = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    path = tmp_path / "telemetry.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (logs, metrics)))
    done = run("import", "--from", "otlp", path)
    assert (done.code, done.err) == (0, "")
    assert "1 record read" in done.out
    assert "3 left out" in done.out
    assert json.loads(run("stats", "--json").out)["traces"] == 1
    answer = json.loads(run("import", "--from", "otlp", path, "--json").out)
    assert (answer["records"], answer["left"], answer["bad"]) == (1, 3, [])


@pytest.mark.usefixtures("filled")
def test_otlp_is_what_import_reads(run: Any, tmp_path: Path) -> None:
    """The same runs stand in another database, with their outcome, tags and steps."""
    run("export", "--all", "--format", "otlp", "-o", tmp_path / "traces.jsonl")
    other = tmp_path / "other.db"
    assert run("import", "--from", "otlp", tmp_path / "traces.jsonl", "--db", other).code == 0
    for before, after in zip(
        run("export", "--all").out.splitlines(),
        run("export", "--all", "--db", other).out.splitlines(),
        strict=True,
    ):
        was, now = json.loads(before), json.loads(after)
        for key in ("trace_id", "name", "status", "outcome", "session_id", "tags"):
            assert now[key] == was[key], key
        steps = ("span_id", "parent_span_id", "name", "kind", "status", "input", "output")
        # An empty list is no content to those who read OpenTelemetry.
        assert [[span[key] or None for key in steps] for span in now["spans"]] == [
            [span[key] or None for key in steps] for span in was["spans"]
        ]


@pytest.mark.usefixtures("filled")
def test_otel_is_a_name_of_otlp(run: Any, tmp_path: Path) -> None:
    """`--from otel` reads what `--from otlp` reads."""
    run("export", "--all", "--format", "otlp", "-o", tmp_path / "traces.jsonl")
    other = tmp_path / "other.db"
    assert run("import", "--from", "otel", tmp_path / "traces.jsonl", "--db", other).code == 0
    assert json.loads(run("stats", "--json", "--db", other).out)["traces"] > 0


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_empty_table_has_its_titles(run: Any, form: str, tmp_path: Path, store: Store) -> None:
    """Without a trace there is still a table, with nothing in it."""
    assert run("export", "--all", "--format", form, "-o", tmp_path / "t").code == 0
    if form == "csv":
        assert (tmp_path / "t").read_text().startswith("trace_id,name,status")
    else:
        assert pyarrow.parquet.read_table(tmp_path / "t").num_rows == 0


@pytest.mark.usefixtures("filled")
def test_files_are_compressed_by_their_name(run: Any, tmp_path: Path) -> None:
    """The same lines, plain and gzip; how many is told on standard error."""
    out = run("export", "--all").out
    ran = run("export", "--all", "-o", tmp_path / "all.jsonl.gz")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == f"3 traces written to {tmp_path / 'all.jsonl.gz'}.\n"
    assert gzip.decompress((tmp_path / "all.jsonl.gz").read_bytes()).decode() == out


@pytest.mark.sqlite("a database that is not there")
@pytest.mark.parametrize("more", [("-o", "all.jsonl"), ("--format", "parquet", "-o", "runs/")])
def test_no_backup_of_what_is_not_there(run: Any, tmp_path: Path, more: tuple[str, ...]) -> None:
    """A database that is mistyped is told, and no file is written that looks like its backup."""
    *form, name = more
    ran = run("export", "--all", *form, f"{tmp_path}/{name}", "--db", tmp_path / "typo.db")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: There is no database at {tmp_path / 'typo.db'}.")
    assert list(tmp_path.iterdir()) == []


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
    assert (ran.code, ran.err.count("\n")) == (2, 12)
    assert "… and 15 more bad lines.\n" in ran.err
    assert ran.out.endswith("25 bad lines.\n")
    assert len(run("import", "--json", given=b"x\n" * 25).answer["bad"]) == 25


@pytest.mark.usefixtures("filled")
def test_what_another_tool_wrote_is_a_matter_of_from(run: Any, tmp_path: Path) -> None:
    """Where not a line is native, the way to other formats is told; one bad line is just that."""
    hint = "If another tool wrote this, name it with --from, such as --from otlp or --from langfuse"
    assert hint in run("import", given=b'{"resourceSpans": []}').err
    path = tmp_path / "mixed.jsonl"
    path.write_text(run("export", "--all").out + "nonsense\n")
    ran = run("import", path, "--db", tmp_path / "other.db")
    assert (ran.code, hint in ran.err) == (2, False)


def test_all_files_are_looked_at_first(run: Any, tmp_path: Path) -> None:
    """If one of several files is missing, none is imported and no database is made."""
    (tmp_path / "a.jsonl").write_bytes(b"")
    ran = run("import", tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    assert (ran.code, ran.out) == (2, "")
    assert "There is no file" in ran.err
    assert not (tmp_path / "traces.db").exists()


def test_where_the_database_is(run: Any, tmp_path: Path, database: str) -> None:
    """The environment's, or the one that is named; asking doesn't make it."""
    assert run("db-path").out == f"{database}\n"
    assert run("db-path", "--db", "x.db").out == f"{Path('x.db').absolute()}\n"
    assert run("db-path", "--json").answer == {"db_path": database}
    assert list(tmp_path.iterdir()) == []
