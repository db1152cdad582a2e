"""`db distribute`: a database in PostgreSQL, spread over several nodes by trace."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from clustertrace.cli.app import Db, Json, examples
from clustertrace.cli.databases import group
from clustertrace.cli.output import note, print_json
from clustertrace.errors import UsageError

__all__ = ["distribute"]


@group.command(
    "distribute",
    epilog=examples(
        "clustertrace db distribute --engine citus --dry-run",
        "clustertrace db distribute --engine fdw --shard postgresql://me@db1/traces"
        " --shard postgresql://me@db2/traces",
    ),
)
def distribute(
    engine: Annotated[
        Literal["citus", "fdw"],
        typer.Option(help="citus: servers with the Citus extension; fdw: any, by postgres_fdw."),
    ],
    shard: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="An empty database for part of the runs; fdw only."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the statements without running them.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Distribute an empty database over several servers, by run.

    Every command and page then works on --db as before; docs/nodes.md lists the exceptions.
    """
    from clustertrace.store.place import place_of

    place = place_of(db)
    if place.is_file:
        raise UsageError(
            f"{place} is a file, which can't be spread; name a database of a PostgreSQL server, "
            "as postgresql+psycopg://user@host/name."
        )
    from clustertrace.store.postgres import nodes

    if (engine == "fdw") != bool(shard):
        raise UsageError("Name the shards of --engine fdw with --shard; citus knows its own nodes.")
    shards = [place_of(one) for one in shard or ()]
    if dry_run:
        statements = nodes.planned(shards)
    elif shards:
        statements = nodes.spread_over(place, shards)
    else:
        statements = nodes.spread_by_citus(place)
    if as_json:
        print_json({"engine": engine, "dry_run": dry_run, "statements": statements})
    elif dry_run:
        typer.echo("\n".join(f"{one};" for one in statements))
    else:
        note(f"{place} is now spread over its nodes.")
