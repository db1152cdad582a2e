"""`claude-code-hook` and `ensure-dashboard`: the receiver runs whenever Claude Code does."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.claude_code.starting import IDLE_MINUTES, PORT
from clustertrace.cli.app import Json, command, command_group, examples
from clustertrace.cli.output import note, print_json
from clustertrace.cli.serving import GrpcPort, usual_grpc_port
from clustertrace.errors import UsageError

if TYPE_CHECKING:
    from clustertrace.json_edits.files import Changed

__all__ = ["claude_code_hook", "ensure_dashboard", "install", "status", "uninstall"]

group = command_group("claude-code-hook")

Port = Annotated[int, typer.Option(min=1, max=65535, metavar="PORT", help="The receiver's port.")]
Idle = Annotated[
    float,
    typer.Option(
        "--idle-shutdown-minutes",
        min=0.1,
        metavar="MINUTES",
        help="Stop if no span arrived and nobody used a page for this long.",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--db",
        metavar="DATABASE",
        show_default=False,
        help="The receiver's database. Default: CLUSTERTRACE_DB of the session, else the usual.",
    ),
]


@group.callback(
    invoke_without_command=True,
    epilog=examples(
        "clustertrace claude-code-hook install", "clustertrace claude-code-hook status --json"
    ),
)
def claude_code_hook(context: typer.Context) -> None:
    """Have Claude Code start the receiver."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@group.command("install", epilog=examples("clustertrace claude-code-hook install"))
def install(
    port: Port = PORT,
    grpc_port: GrpcPort = None,
    idle: Idle = IDLE_MINUTES,
    db: Database = None,
    as_json: Json = False,
) -> None:
    """Add the hook to Claude Code's settings.

    It starts the receiver whenever a session starts or continues and the receiver isn't running.
    Other hooks, and everything else in ~/.claude/settings.json, stay byte for byte as they are; a
    backup is kept.
    """
    from clustertrace.claude_code import hook
    from clustertrace.claude_code.user_settings import session_environment, settings_path
    from clustertrace.json_edits.files import change
    from clustertrace.store import Store
    from clustertrace.store.place import place_of

    if db and place_of(db).holds_secret:
        raise UsageError(
            "The hook's command would show the database's password to every user of this machine; "
            "set CLUSTERTRACE_DB in the environment of Claude Code, and leave --db out."
        )
    # A new database takes a second to make, which the end of a short first session has not.
    Store.open(db).close()
    grpc_port = usual_grpc_port() if grpc_port is None else grpc_port
    command_line = hook.command(sys.executable, port, idle, db, grpc_port)
    done = change(settings_path(), lambda text: hook.installed(text, command_line))
    _report_change(
        done,
        news="starts the receiver with every session.",
        no_news="already has the hook.",
        as_json=as_json,
    )
    if not as_json and "CLAUDE_CODE_ENABLE_TELEMETRY" not in session_environment():
        note("To have sessions report to it too: clustertrace claude-code --write")


@group.command("uninstall", epilog=examples("clustertrace claude-code-hook uninstall"))
def uninstall(as_json: Json = False) -> None:
    """Remove the hook from Claude Code's settings.

    Everything else in them stays byte for byte as it is; a backup is kept.
    """
    from clustertrace.claude_code import hook
    from clustertrace.claude_code.user_settings import settings_path
    from clustertrace.json_edits.files import change

    done = change(settings_path(), hook.uninstalled)
    _report_change(
        done,
        news="no longer starts the receiver.",
        no_news="does not have the hook.",
        as_json=as_json,
    )


@group.command("status", epilog=examples("clustertrace claude-code-hook status --json"))
def status(as_json: Json = False) -> None:
    """Say whether the hook is there and works.

    Exit code 1: it isn't there, or doesn't work.
    """
    from clustertrace.claude_code.hook import look_up
    from clustertrace.claude_code.user_settings import managed_settings, settings_path
    from clustertrace.json_edits.files import read

    path = settings_path()
    found = look_up(read(path), managed_settings())
    if as_json:
        print_json({"settings": str(path), **found._asdict(), "works": found.works})
    else:
        typer.echo(f"{path}: {found.sentence}")
    if not found.works:
        raise typer.Exit(1)


@command(
    "ensure-dashboard",
    "clustertrace ensure-dashboard",
    "clustertrace ensure-dashboard --idle-shutdown-minutes 60",
)
def ensure_dashboard(
    port: Port = PORT,
    grpc_port: GrpcPort = None,
    idle: Idle = IDLE_MINUTES,
    db: Database = None,
) -> None:
    """Start the receiver in the background if it isn't running.

    Returns at once and prints nothing. The pages start when one is opened. The receiver stops
    after --idle-shutdown-minutes without spans and without anybody using a page.
    """
    from clustertrace.claude_code.starting import main

    grpc_port = usual_grpc_port() if grpc_port is None else grpc_port
    arguments = ["--port", str(port), "--idle-shutdown-minutes", str(idle)]
    arguments += [] if grpc_port is None else ["--grpc-port", str(grpc_port)]
    main([*arguments, *(["--db", db] if db else [])])


def _report_change(changed_file: Changed, *, news: str, no_news: str, as_json: bool) -> None:
    if as_json:
        from clustertrace.json_edits.files import change_document

        print_json({"settings": str(changed_file.path)} | change_document(changed_file))
        return
    typer.echo(f"{changed_file.path} {news if changed_file.changed else no_news}")
    if changed_file.backup:
        note(f"As it was before: {changed_file.backup}")
