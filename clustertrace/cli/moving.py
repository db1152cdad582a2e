"""`export` and `import`: traces out to native JSON Lines, and in again."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clustertrace.cli.app import Db, Json, Where, command
from clustertrace.cli.output import note, print_json, progressing_through, write_out
from clustertrace.errors import UsageError
from clustertrace.opening import reading
from clustertrace.telling.words import counted

if TYPE_CHECKING:
    from clustertrace.exchange.exporting import Selection
    from clustertrace.exchange.importing import ImportResult
    from clustertrace.store.store import Store

__all__ = ["export", "import_"]

BAD_LINES_SHOWN = 10
_DESCRIBING = frozenset({".md", ".rst"})
"""Endings of files that lie in a folder of exports and tell people of it."""


@command(
    "export",
    "clustertrace export --all -o traces.jsonl.gz",
    "clustertrace export 3f2a",
    "clustertrace export --where 'starred:yes since:30d' -o starred.jsonl",
    "clustertrace export --all --format parquet -o traces.parquet",
    "clustertrace export --all --format parquet -o runs/",
    "clustertrace export 3f2a --format otlp | curl -H 'Content-Type: application/json' "
    "--data-binary @- http://localhost:6006/v1/traces",
    "clustertrace export --all | clustertrace import --db elsewhere.db",
)
def export(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Trace ids, or unique starts of them."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every trace, oldest first.")] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Write to this file, compressed if its name ends in .gz, or to a folder (FOLDER/) "
            "as Parquet by day. Default: standard output.",
        ),
    ] = None,
    form: Annotated[
        Literal["native", "otlp", "csv", "parquet"],
        typer.Option("--format", help="Whole traces, or a table of them."),
    ] = "native",
    where: Where = None,
    db: Db = None,
) -> None:
    """Write traces to a file or standard output.

    native and otlp contain whole traces, one per line (docs/exchange.md); csv and parquet are
    tables with one trace per row. A folder gets two Parquet files per day, one of traces and one
    of their spans; exporting again replaces the days that have changed.
    """
    if (everything, bool(ids), where is not None).count(True) != 1:
        raise UsageError("Name the traces to export, or use --where FILTER or --all.")
    from clustertrace.exchange.exporting import Selection, export_traces
    from clustertrace.exchange.writing import open_target
    from clustertrace.filters import parse

    selection = Selection(tuple(ids or ()), None if where is None else parse(where))
    if output == "":
        raise UsageError("-o is empty; give a file, or a folder such as runs/.")
    if output is not None and (output.endswith(os.sep) or Path(output).is_dir()):
        _export_folder(selection, form, Path(output), db)
        return
    with ExitStack() as stack:
        conn = stack.enter_context(stack.enter_context(reading(db)).read())
        write = stack.enter_context(open_target(Path(output))).write if output else write_out
        written = export_traces(conn, selection, form, write)
    if output:
        note(f"{counted(written, 'trace')} written to {output}.")


def _export_folder(selection: Selection, form: str, folder: Path, db: str | None) -> None:
    from clustertrace.exchange.by_day import export_days

    if form != "parquet":
        raise UsageError(f"{folder} is a folder, which only takes Parquet; name a file in it.")
    if selection.ids:
        raise UsageError("A folder takes whole days: use --all or --where FILTER, or name a file.")
    with reading(db) as store, store.read() as conn:
        days = export_days(conn, selection.where, folder)
    note(
        f"{counted(days.traces, 'trace')} in {folder}: {counted(len(days.written), 'day')} "
        f"written, {len(days.unchanged):,} unchanged."
    )
    if days.kept:
        note(
            f"{counted(len(days.kept), 'day')} there, from {days.kept[0]} on, had more traces "
            "than these and stayed; delete their folders to have them written again."
        )
    if days.others:
        note(
            f"{counted(len(days.others), 'day')} there, from {days.others[0]} on, had none of "
            "these and stayed; delete their folders if you don't want them."
        )


@command(
    "import",
    "clustertrace import traces.jsonl.gz",
    "clustertrace import march/*.jsonl.gz",
    "zcat traces.jsonl.gz | clustertrace import",
    "clustertrace import --from langfuse export/",
    "clustertrace import --from clustertrace-0.14 ~/.clustertrace/traces.db --db new.db",
    "clustertrace import --from claude-code",
)
def import_(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Files or folders, plain or gzipped. Default: standard input (-), or for sessions "
            "the folder where the agent keeps them.",
            show_default=False,
        ),
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Option("--file", metavar="PATH", help="Another way to give PATH.")
    ] = None,
    form: Annotated[
        Literal[
            "native",
            "otlp",
            "otel",
            "langfuse",
            "langsmith",
            "phoenix",
            "clustertrace-0.14",
            "claude-code",
            "codex",
        ],
        typer.Option(
            "--from",
            help="Which tool wrote the files, or whose sessions they are; otel means otlp.",
        ),
    ] = "native",
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Import traces from files or an agent's own sessions.

    Reads native JSON Lines, or what other tools export (docs/exchange.md). Traces that are already
    in the database are skipped. A line that can't be used is reported with the reason and does
    not affect the others; the exit code is then 2. Only what is new in sessions is read
    (docs/claude-code.md); it stays even if the agent deletes its files, and rows that can't be used
    are only counted. Exit code 1: there are no sessions.
    """
    if form == "claude-code" or form == "codex":
        from clustertrace.cli.histories import import_sessions

        import_sessions(form, [*(paths or []), *(files or [])], db, as_json=as_json)
        return
    from clustertrace.exchange.reading import check_source
    from clustertrace.store.store import Store

    sources = [*(paths or []), *(files or [])] or [Path("-")]
    if Path("-") in sources and sys.stdin.isatty():
        raise UsageError("Name a file to import, or pipe one in: clustertrace import < FILE")
    sources = [file for path in sources for file in _files_of(path)]
    for path in sources:
        if path != Path("-"):
            check_source(path)
    with Store.open(db) as store:
        store.drain()
        source_form = "otlp" if form == "otel" else form
        results = [(path, _import_one(store, path, source_form)) for path in sources]
        store.refresh()
    _report(results, as_json=as_json)
    if any(result.bad for _, result in results):
        if form == "native" and not any(result.added or result.skipped for _, result in results):
            note(
                "If another tool wrote this, name it with --from, such as --from otlp or "
                "--from langfuse."
            )
        raise typer.Exit(2)


def _files_of(path: Path) -> list[Path]:
    """The files that a path stands for: it, or those in it but what describes them or is hidden."""
    if not path.is_dir():
        return [path]
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.suffix.lower() not in _DESCRIBING
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    if not files:
        raise UsageError(f"There is no file to import in {path}; name another folder.")
    return files


def _import_one(store: Store, path: Path, form: str) -> ImportResult:
    from clustertrace.exchange.foreign.importing import import_foreign, import_records
    from clustertrace.exchange.importing import import_native
    from clustertrace.exchange.reading import open_source, source_of
    from clustertrace.store.upkeep import predecessor

    with ExitStack() as stack:
        if path == Path("-"):
            source = source_of(sys.stdin.buffer, "standard input")
        elif form == "clustertrace-0.14" and predecessor.is_database(path):
            return import_records(store, predecessor.records(path), form)
        else:
            source = stack.enter_context(open_source(path))
        progress = stack.enter_context(progressing_through(source.name, source.size))
        if form == "native":
            return import_native(store, source, progress)
        return import_foreign(store, source, form, progress)


def _report(results: list[tuple[Path, ImportResult]], *, as_json: bool) -> None:
    added = sum(result.added for _, result in results)
    skipped = sum(result.skipped for _, result in results)
    spans = sum(result.spans for _, result in results)
    records = sum(result.records for _, result in results)
    left_out = sum(result.left for _, result in results)
    bad = [(path, line) for path, result in results for line in result.bad]
    place_format = "" if len(results) == 1 else "{path}, "
    for path, line in bad[:BAD_LINES_SHOWN]:
        note(f"{place_format.format(path=path)}line {line.line}: {line.reason}")
    if len(bad) > BAD_LINES_SHOWN:
        note(f"… and {counted(len(bad) - BAD_LINES_SHOWN, 'more bad line')}.")
    record_counts = {"records": records, "left": left_out} if records or left_out else {}
    if as_json:
        print_json(
            {
                "added": added,
                "skipped": skipped,
                "spans": spans,
                **record_counts,
                "bad": [
                    {"file": str(path), "line": line.line, "reason": line.reason}
                    for path, line in bad
                ],
            }
        )
        return
    typer.echo(
        f"{counted(added, 'trace')} with {counted(spans, 'span')} added, {skipped:,} skipped "
        f"(already there), {counted(len(bad), 'bad line')}."
    )
    if record_counts:
        typer.echo(
            f"{counted(records, 'record')} read, of which runs are made that have no spans; "
            f"{left_out:,} left out, which say nothing of a run."
        )
