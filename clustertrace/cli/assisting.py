"""`mcp`: the database as tools of a coding assistant, and putting it into one's settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from clustertrace.cli.app import Db, Json, command_group, examples
from clustertrace.cli.output import note, plain, print_json, write_out
from clustertrace.mcp.install import Target

__all__ = ["install", "mcp"]

group = command_group("mcp")


@group.callback(
    invoke_without_command=True,
    epilog=examples(
        "clustertrace mcp install --target claude-code",
        "clustertrace mcp --db runs.db",
        "clustertrace mcp --http 7778",
    ),
)
def mcp(
    context: typer.Context,
    http: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            show_default=False,
            help="Serve over HTTP on this machine instead, with a token; 0 picks a free port.",
        ),
    ] = None,
    db: Db = None,
) -> None:
    """Serve the database to a coding assistant.

    An MCP server on standard input and output, to be started by an editor. The token of --http is
    CLUSTERTRACE_MCP_TOKEN; if that is not set, a new one is made and printed.
    """
    if context.invoked_subcommand is not None:
        return
    from clustertrace.mcp.server import server

    mcp_server = server(db)
    if http is None:
        mcp_server.run("stdio")
        return
    from clustertrace import settings
    from clustertrace.keys import bearer, new_key
    from clustertrace.mcp.http import serve

    token = settings.load().mcp_token
    how_to_authorize = "the token in CLUSTERTRACE_MCP_TOKEN"
    if not token:
        token = new_key()
        how_to_authorize = f"Authorization: {bearer(token)}"
    serve(
        mcp_server,
        http,
        token,
        lambda url: note(f"clustertrace listens at {url} with {how_to_authorize}."),
    )


@group.command(
    "install",
    epilog=examples(
        "clustertrace mcp install",
        "clustertrace mcp install --target cursor --dry-run",
        "clustertrace mcp install --target zed --db runs.db",
    ),
)
def install(
    target: Annotated[
        Target | None,
        typer.Option(help="Whose settings. Default: only print the entry.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the change without making it.")
    ] = False,
    db: Db = None,
    as_json: Json = False,
) -> None:
    """Add the server to an editor's settings.

    Adds or updates one entry; everything else in the file stays byte for byte as it is, and a
    backup is kept beside it.
    """
    from clustertrace.mcp.install import edit_of, entry, place_of, snippet
    from clustertrace.store.place import place_of as database_of

    server_entry = entry(_absolute_path(db or os.environ.get("CLUSTERTRACE_DB")))
    if database_of(db).holds_secret:
        # It would stand in the settings, and on a command line that every user can read.
        server_entry = entry(None)
        note("A password does not belong in settings: set CLUSTERTRACE_DB where the editor starts.")
    if target is None:
        print_json(snippet(server_entry))
        note(f"With --target it is added for you: {', '.join(Target)}.")
        return
    from clustertrace.json_edits.files import change, change_document, preview

    place = place_of(target)
    edit = edit_of(place, server_entry)
    answer: dict[str, Any] = {
        "target": target.value,
        "path": str(place.path),
        "entry": server_entry,
    }
    if dry_run:
        before, after = preview(place.path, edit, comments=place.comments)
        if as_json:
            print_json(answer | {"changed": before != after, "backup": None, "dry_run": True})
        else:
            _show_diff(before, after, place.path)
        return
    done = change(place.path, edit, comments=place.comments)
    if as_json:
        print_json(answer | change_document(done) | {"dry_run": False})
    elif done.changed:
        backup_words = f" The file as it was: {done.backup}." if done.backup else ""
        typer.echo(f"{place.path} has clustertrace now.{backup_words} Restart {target} to use it.")
    else:
        typer.echo(f"{place.path} has clustertrace already.")


def _absolute_path(db: str | None) -> str | None:
    """A path that holds wherever the editor starts the server; a URL as it is."""
    if not db or "://" in db:
        return db
    return str(Path(db).expanduser().absolute())


def _show_diff(before: str, after: str, path: Path) -> None:
    from difflib import unified_diff

    lines = unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), lineterm="")
    text = "\n".join(lines)
    write_out(plain(f"{text}\n" if text else f"{path} has clustertrace already.\n").encode())
