"""`db`: copy, describe, shrink or distribute a whole database."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.cli import keeping
from clustertrace.cli.app import Db, Json, command_group, examples
from clustertrace.cli.output import note, print_json, progressing, stdout
from clustertrace.errors import NotFound
from clustertrace.opening import HOW_TO_BEGIN, has_database, reading
from clustertrace.telling.words import count, counted, moment, size_of

if TYPE_CHECKING:
    from rich.table import Table

    from clustertrace.store.queries import Description

__all__ = ["copy", "db", "group", "info"]

group = command_group("db")


@group.callback(
    invoke_without_command=True,
    epilog=examples(
        "clustertrace db info --json",
        "clustertrace db copy --to postgresql+psycopg://me@server/traces",
    ),
)
def db(context: typer.Context) -> None:
    """Copy, describe or distribute a database."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@group.command(
    "copy",
    epilog=examples(
        "clustertrace db copy --to postgresql+psycopg://me@server/traces",
        "clustertrace db copy --db postgresql+psycopg://me@server/traces --to laptop.db",
    ),
)
def copy(
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="DATABASE",
            help="The path or URL of an empty database, of a file that does not exist yet, or of "
            "an earlier copy.",
        ),
    ],
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Copy a database into another, of either kind.

    Copies every table and checks each by a checksum over its rows (docs/moving.md). An interrupted
    copy continues where it stopped; a later one adds what is new. A target that contains other
    data is left alone.
    """
    from clustertrace.store.store import Store
    from clustertrace.store.upkeep import copying

    with reading(db) as source, Store.open(to) as target, progressing() as progress:
        done = copying.copy(source, target, progress)
        places = {"from": source.place.name, "to": target.place.name}
    if as_json:
        tables = [
            {"name": name, "rows": rows, "written": done.written[name], "sum": done.digests[name]}
            for name, rows in done.rows.items()
        ]
        indexed = {"resumed": done.resumed, "indexed_spans": done.indexed}
        print_json({**places, **indexed, "tables": tables})
        return
    rows, written = sum(done.rows.values()), sum(done.written.values())
    contents = f"{counted(done.rows['traces'], 'trace')} with {counted(done.rows['spans'], 'span')}"
    note(
        f"{places['to']} holds {contents} now: {counted(rows, 'row')} in "
        f"{counted(len(done.rows), 'table')}, the same as in {places['from']}; "
        f"{count(written)} of them were copied just now."
    )


@group.command(
    "info",
    epilog=examples("clustertrace db info", "clustertrace db info --json"),
)
def info(db: Db = None, as_json: Json = False) -> None:
    """Describe a database and what is in it.

    Shows its engine, schema and size, the rows and bytes of each table, how far the text index has
    come, and when the oldest and the newest run began. Row counts on PostgreSQL are its own
    estimates.
    """
    from clustertrace.store import queries
    from clustertrace.store.place import place_of
    from clustertrace.store.store import Store

    if not has_database(db):
        raise NotFound(f"There is no database at {place_of(db)}. {HOW_TO_BEGIN}")
    with Store.open(db) as store, store.read() as conn:
        description = queries.description(conn)
    if as_json:
        tables = [table._asdict() for table in description.tables]
        print_json({**asdict(description), "tables": tables})
        return
    stdout().print(_facts_table(description))
    stdout().print(_sizes_table(description))


def _facts_table(description: Description) -> Table:
    from rich.table import Table

    index = (
        f"{counted(description.unindexed, 'span')} behind"
        if description.unindexed
        else "up to date"
    )
    table = Table.grid(padding=(0, 2))
    for name, value in (
        ("Database", description.database),
        ("Engine", f"{description.engine}, schema {description.schema}"),
        ("Size", size_of(description.bytes)),
        ("Oldest run", _moment_or_none(description.oldest_ns)),
        ("Newest run", _moment_or_none(description.newest_ns)),
        ("Text index", index),
    ):
        table.add_row(name, value)
    if description.copy_unfinished:
        table.add_row("Copy", "not finished: run `clustertrace db copy` again")
    return table


def _moment_or_none(start_ns: int | None) -> str:
    return "none" if start_ns is None else moment(start_ns)


def _sizes_table(description: Description) -> Table:
    from rich.table import Table

    table = Table("Table", box=None, pad_edge=False)
    for heading in ("Rows", "Bytes", "Of indexes"):
        table.add_column(heading, justify="right")
    for table_size in description.tables:
        sizes = (table_size.table_bytes, table_size.index_bytes)
        table.add_row(
            table_size.name,
            f"{'about ' if table_size.estimated else ''}{count(table_size.rows)}",
            *("?" if size is None else size_of(size) for size in sizes),
        )
    return table


_VACUUM_EXAMPLES = examples(*(f"clustertrace db {example}" for example in keeping.EXAMPLES))
group.command("vacuum", epilog=_VACUUM_EXAMPLES)(keeping.vacuum)

# It adds a command to the group.
import_module("clustertrace.cli.distributing")
