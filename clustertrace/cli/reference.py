"""The reference of all commands as Markdown, made from the application itself.

docs/commands.md is generated with it (`make docs`), so that help pages and documentation are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from typer.main import get_command

from clustertrace.cli import program  # noqa: F401  (what `clustertrace` alone does)
from clustertrace.cli.app import app

__all__ = ["commands_markdown", "help_pages"]

_WIDTH = 96


def help_pages() -> Iterator[tuple[str, str]]:
    """The name and help page of every command, by name."""
    group = get_command(app)
    yield from _group_pages(group, typer.Context(group, info_name="clustertrace"), "")


def _group_pages(group: Any, parent: typer.Context, prefix: str) -> Iterator[tuple[str, str]]:
    """The pages of a group's commands, those of a command that has some of its own after it."""
    for name in sorted(group.list_commands(parent)) if hasattr(group, "list_commands") else ():
        command = group.get_command(parent, name)
        context = typer.Context(
            command,
            info_name=name,
            parent=parent,
            terminal_width=_WIDTH,
            help_option_names=["-h", "--help"],
        )
        yield prefix + name, command.get_help(context)
        yield from _group_pages(command, context, f"{prefix}{name} ")


def commands_markdown() -> str:
    """A section for every command, with its help page."""
    return "\n\n".join(
        f"## `clustertrace {name}`\n\n```text\n{page.rstrip()}\n```" for name, page in help_pages()
    )
