"""`claude-code`: what makes Claude Code report here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clustertrace.claude_code.environment import Protocol, Shell
from clustertrace.cli.app import Json, command
from clustertrace.cli.output import note, print_json

if TYPE_CHECKING:
    from clustertrace.claude_code.user_settings import Written

__all__ = ["claude_code"]

_PORTS = {Protocol.GRPC: 4317}
_SHELL_EXAMPLES = {
    Shell.FISH: "clustertrace claude-code --shell fish{} | source",
    Shell.POWERSHELL: (
        "clustertrace claude-code --shell powershell{} | Out-String | Invoke-Expression"
    ),
}


@command(
    "claude-code",
    'eval "$(clustertrace claude-code)"',
    "clustertrace claude-code --content --write",
    "clustertrace claude-code --shell fish | source",
)
def claude_code(
    content: Annotated[
        bool,
        typer.Option(
            "--content", help="Also send prompts, answers, and tools' inputs and outputs."
        ),
    ] = False,
    shell: Annotated[
        Shell | None, typer.Option(show_default=False, help="Print for this shell. Default: yours.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            metavar="PORT",
            show_default=False,
            help="The receiver's port. Default: 7777, or 4317 for grpc.",
        ),
    ] = None,
    protocol: Annotated[Protocol, typer.Option(help="How to send it.")] = Protocol.PROTOBUF,
    write: Annotated[
        bool, typer.Option("--write", help="Write it into Claude Code's settings, for every shell.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print what makes Claude Code report here.

    Traces, logs and metrics are turned on by variables for your shell or, with --write, by the
    `env` of ~/.claude/settings.json; a backup is kept, and everything else in it stays as it is.
    Sessions started afterwards report here. What was said is not reported unless you add --content;
    writing again without it turns that off.
    """
    from clustertrace.claude_code.environment import variables
    from clustertrace.claude_code.starting import PORT
    from clustertrace.claude_code.user_settings import settings_path, write_environment

    options = "".join(
        (
            " --content" if content else "",
            f" --port {port}" if port else "",
            f" --protocol {protocol}" if protocol != Protocol.PROTOBUF else "",
            # What the example evaluates must not be for the login shell, where that reads other
            # lines; the examples of those that do name them anyway.
            f" --shell {shell}"
            if shell and shell not in _SHELL_EXAMPLES and _users_shell() in _SHELL_EXAMPLES
            else "",
        )
    )
    port = port or _PORTS.get(protocol, PORT)
    environment = variables(f"http://localhost:{port}", protocol, content=content)
    written = write_environment(settings_path(), environment) if write else None
    if as_json:
        print_json({"variables": environment, **_settings_document(written)})
    elif written is None:
        _print_lines(environment, shell or _users_shell(), options)
    else:
        _report_change(written, environment)
    _warn_of_overrides(environment)


def _settings_document(written: Written | None) -> dict[str, object]:
    if written is None:
        return {"settings": None, "changed": False, "backup": None, "replaced": {}}
    from clustertrace.json_edits.files import change_document

    file = written.file
    return {
        "settings": str(file.path),
        **change_document(file),
        "replaced": written.replaced,
    }


def _print_lines(environment: Mapping[str, str], shell: Shell, options: str) -> None:
    """The lines for a shell; `options` are the options that they were asked for with."""
    from clustertrace.claude_code.environment import shell_lines

    for line in shell_lines(environment, shell):
        typer.echo(line)
    example = _SHELL_EXAMPLES.get(shell, 'eval "$(clustertrace claude-code{})"').format(options)
    note(f"For this shell: {example}. For every session: add --write.")


def _report_change(written: Written, environment: Mapping[str, str]) -> None:
    file = written.file
    if not file.changed:
        typer.echo(f"{file.path} makes Claude Code report here already.")
        return
    typer.echo(f"{file.path} makes Claude Code report here from the next session on.")
    if file.backup:
        note(f"As it was before: {file.backup}")
    for name, old_value in written.replaced.items():
        state_now = f"is {environment[name]!r}" if name in environment else "is gone"
        note(f"{name} was {old_value!r}, and {state_now} now.")


def _warn_of_overrides(environment: Mapping[str, str]) -> None:
    """Say what would keep sessions from reporting here all the same."""
    from clustertrace.claude_code.environment import overriding
    from clustertrace.claude_code.user_settings import (
        managed_folder,
        managed_settings,
        session_environment,
        variables_of,
    )

    stronger = overriding(session_environment())
    if stronger:
        note(f"{', '.join(stronger)} is set and overrides this; unset it.")
    managed = variables_of(managed_settings())
    overruled = [name for name, value in environment.items() if managed.get(name, value) != value]
    if overruled:
        names = ", ".join(overruled)
        note(f"The managed settings in {managed_folder()} set {names} differently, and win.")


def _users_shell() -> Shell:
    name = Path(os.environ.get("SHELL", "")).name
    return Shell(name) if name in list(Shell) else Shell.BASH
