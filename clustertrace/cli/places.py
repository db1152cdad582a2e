"""`db-path`: where things are."""

from __future__ import annotations

import typer

from clustertrace.cli.app import Db, Json, command
from clustertrace.cli.output import print_json

__all__ = ["db_path"]


@command("db-path", "clustertrace db-path", 'ls -lh "$(clustertrace db-path)"')
def db_path(db: Db = None, as_json: Json = False) -> None:
    """Print the path of the database, or its URL."""
    from clustertrace.store.place import place_of

    path = place_of(db).name
    if as_json:
        print_json({"db_path": path})
    else:
        typer.echo(path)
